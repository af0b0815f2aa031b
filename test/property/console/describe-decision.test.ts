import fc from 'fast-check';
import { expect, test } from 'vitest';
import { describeDecision } from '../../../console/shape/describe-decision.ts';
import { decisionOf } from '../../support/serving/decision.ts';

test('a number of a row is shown in digits that give the same float32 again', () => {
  fc.assert(
    fc.property(fc.array(fc.float(), { maxLength: 20 }), (row) => {
      const numbers = Buffer.from(Float32Array.from(row).buffer).toString('base64');
      const signature = { numericNames: row.map((_, at) => `f${at}`), categories: [], threshold: 0.5 };
      const described = describeDecision(decisionOf('d', { numbers }), signature, null).numbers;
      expect(described.map(({ name }) => name)).toEqual(signature.numericNames);
      for (const [at, found] of row.entries()) {
        const shown = described[at]?.value ?? null;
        if (Number.isFinite(found)) expect(Math.fround(shown as number) === found).toBe(true);
        else expect(shown).toBeNull();
      }
    }),
  );
});
