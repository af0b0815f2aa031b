import { describe, expect, it } from 'vitest';
import type { TrainingSet } from '../../../src/contracts/training-set.ts';
import { fitEncoding, numberPieces } from '../../../src/training/feature-encoding.ts';
import { syntheticSet } from '../../support/training/synthetic-set.ts';

const ROWS = 1_000;

/** Pieces of one column of these numbers. */
function piecesOf(valueOf: (row: number) => number): { edges: readonly number[]; slopes: number[] } {
  const numbers = Float32Array.from({ length: ROWS }, (_, row) => valueOf(row));
  const set: TrainingSet = { ...syntheticSet(ROWS), numericNames: ['number'], numbers, categories: [] };
  const encoding = fitEncoding(set, Uint32Array.from(numbers, (_, row) => row));
  return { edges: encoding.numbers[0]!.edges, slopes: [...numberPieces(encoding).slope] };
}

describe('the pieces of a number', () => {
  it('are cut at the octiles, between the ends of its tails', () => {
    const { edges, slopes } = piecesOf((row) => row);
    expect(edges).toEqual([5, 124, 249, 374, 499, 624, 749, 874, 994]);
    expect(slopes[1]).toBe(Math.fround(2 / 125));
  });

  it('have a slope that float32 holds, however close to one another the numbers are', () => {
    const { edges, slopes } = piecesOf((row) => 2 ** -(160 * (row / ROWS)));
    expect(edges.length).toBeGreaterThan(4);
    for (const slope of slopes) expect(slope).toBeGreaterThan(0);
    for (const slope of slopes) expect(slope).toBeLessThan(Infinity);
  });

  it('are none where all numbers are too close', () => {
    expect(piecesOf((row) => row * 2 ** -149)).toEqual({ edges: [expect.any(Number)], slopes: [] });
  });

  it('are between finite numbers', () => {
    expect(piecesOf((row) => (row % 2 === 0 ? -Infinity : row)).edges.every(Number.isFinite)).toBe(true);
  });
});
