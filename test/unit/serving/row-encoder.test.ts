import { expect, it } from 'vitest';
import { RowEncoder } from '../../../serving/router/row-encoder.ts';
import { signatureOf } from '../../support/serving/signature.ts';

it('writes the numbers, then 0 for null, 1 for a value unknown to training, 2 and up for the vocabulary', () => {
  const encoder = new RowEncoder(
    signatureOf({ numericNames: ['a', 'b'], categories: [{ name: 'c', vocabulary: ['x', 'y'] }] }),
  );
  const rows = { numbers: Float32Array.of(1, Number.NaN, 3, 4, 5, 6), categories: ['y', null, 'z'] };
  const out = new Float32Array(9);
  [0, 1, 2].forEach((row) => {
    encoder.write(rows, row, out, row * encoder.columns);
  });
  expect([...out]).toEqual([1, Number.NaN, 3, 3, 4, 0, 5, 6, 1]);
});
