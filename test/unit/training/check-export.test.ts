import { describe, expect, it } from 'vitest';
import { checkExport } from '../../../src/training/check-export.ts';

describe('checkExport', () => {
  it('answers the largest difference', () => {
    expect(checkExport('m', Float32Array.of(0.5, 0.25), Float32Array.of(0.5, 0.25 + 2 ** -20))).toBe(
      2 ** -20,
    );
  });

  it.each([0.6, NaN])('refuses a model that answers %s instead', (found) => {
    expect(() => checkExport('m', Float32Array.of(0.5, 0.25), Float32Array.of(0.5, found))).toThrow(
      expect.objectContaining({ code: 'TRAINING_EXPORT_MISMATCH' }),
    );
  });
});
