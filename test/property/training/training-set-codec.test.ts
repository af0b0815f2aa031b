import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TrainingSet } from '../../../src/contracts/training-set.ts';
import { decodeTrainingSet, encodeTrainingSet } from '../../../src/training/training-set-codec.ts';

const anySet: fc.Arbitrary<TrainingSet> = fc
  .record({
    rows: fc.nat({ max: 20 }),
    numericNames: fc.uniqueArray(fc.string(), { maxLength: 4 }),
    categoryNames: fc.uniqueArray(fc.string(), { maxLength: 3 }),
    dictionary: fc.uniqueArray(fc.string(), { maxLength: 5 }),
  })
  .chain(({ rows, numericNames, categoryNames, dictionary }) => {
    const exactly = (length: number) => ({ minLength: length, maxLength: length });
    return fc.record({
      model: fc.string(),
      serviceDigest: fc.string(),
      numericNames: fc.constant(numericNames),
      rows: fc.constant(rows),
      numbers: fc.float32Array(exactly(rows * numericNames.length)),
      categories: fc.tuple(
        ...categoryNames.map((name) =>
          fc
            .int32Array({ min: -1, max: dictionary.length - 1, ...exactly(rows) })
            .map((codes) => ({ name, dictionary, codes })),
        ),
      ),
      labels: fc.float32Array(exactly(rows)),
      decisionTimes: fc.float64Array(exactly(rows)),
      labelKnownTimes: fc.float64Array(exactly(rows)),
      exampleIds: fc.array(fc.string({ unit: 'binary' }), exactly(rows)),
    });
  });

describe('the training-set codec', () => {
  it('gives back what it was given, at any place in a buffer', () => {
    fc.assert(
      fc.property(anySet, fc.nat({ max: 9 }), (set, offset) => {
        const bytes = encodeTrainingSet(set);
        expect(decodeTrainingSet(bytes)).toEqual(set);
        const shifted = new Uint8Array(bytes.length + offset);
        shifted.set(bytes, offset);
        expect(decodeTrainingSet(shifted.subarray(offset))).toEqual(set);
      }),
    );
  });

  it('notices any changed byte and any cut', () => {
    fc.assert(
      fc.property(anySet, fc.nat(), fc.integer({ min: 1, max: 255 }), (set, place, change) => {
        const bytes = encodeTrainingSet(set);
        const at = place % bytes.length;
        const damaged = Uint8Array.from(bytes);
        // The four bytes after the digest pad it to a multiple of eight and mean nothing.
        fc.pre(at < 44 || at >= 48);
        damaged[at] = (damaged[at] as number) ^ change;
        const corrupt = expect.objectContaining({ code: 'TRAINING_SET_CORRUPT' }) as Error;
        expect(() => decodeTrainingSet(damaged)).toThrow(corrupt);
        expect(() => decodeTrainingSet(bytes.subarray(0, at))).toThrow(corrupt);
      }),
    );
  });
});
