import { describe, expect, it } from 'vitest';
import { partitionOf } from '../../../src/fold/partition-of.ts';

describe('the partition of an entity key', () => {
  it('is fixed for ever, because states are found by it', () => {
    expect(['a', 'card-7', 'UA\u001fEWR', 'ü'].map((key) => partitionOf(key, 16))).toMatchInlineSnapshot(`
      [
        12,
        3,
        10,
        11,
      ]
    `);
  });

  it('spreads keys over all partitions', () => {
    const counts = new Array<number>(8).fill(0);
    for (let i = 0; i < 8_000; i++) counts[partitionOf(`card-${i}`, 8)]! += 1;
    expect(Math.min(...counts)).toBeGreaterThan(800);
    expect(Math.max(...counts)).toBeLessThan(1_200);
  });
});
