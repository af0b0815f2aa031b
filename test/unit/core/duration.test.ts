import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../../src/core/duration.ts';

describe('a duration', () => {
  it('is parsed to milliseconds in every unit', () => {
    expect(['250ms', '30s', '5m', '24h', '90d', '1.5h'].map(parseDuration)).toEqual([
      250, 30_000, 300_000, 86_400_000, 7_776_000_000, 5_400_000,
    ]);
  });

  it('is undefined where the text is none', () => {
    for (const text of ['', '5', 'm', '-5m', '5 m', '5w', '1e3s', '5mm', ' 5m']) {
      expect(parseDuration(text), text).toBeUndefined();
    }
  });

  it('is written in the largest unit that is exact', () => {
    expect([86_400_000, 5_400_000, 1_500, 0].map(formatDuration)).toEqual(['1d', '90m', '1500ms', '0ms']);
  });
});
