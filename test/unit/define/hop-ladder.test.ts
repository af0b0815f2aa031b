import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatDuration, parseDuration } from '../../../src/core/duration.ts';
import { hopLadder, hopSteps, windowAndHop } from '../../../src/define/hop-ladder.ts';

describe('the hop ladder', () => {
  it('gives the windows people use about sixty tiles', () => {
    const windows = [
      '1m',
      '5m',
      '15m',
      '30m',
      '1h',
      '3h',
      '6h',
      '12h',
      '24h',
      '2d',
      '3d',
      '7d',
      '14d',
      '30d',
      '90d',
    ];
    for (const window of windows) {
      const windowMs = parseDuration(window)!;
      const tiles = windowMs / hopLadder(windowMs)!;
      expect(tiles, window).toBeGreaterThanOrEqual(40);
      expect(tiles, window).toBeLessThanOrEqual(90);
      expect(Number.isInteger(tiles), window).toBe(true);
    }
  });

  it('takes the finer of two hops that are equally near', () => {
    // 100 tiles of 3 minutes, 60 of 5; and for 1h40m: 100 of 1m against 50 of 2m and 33.3 of 3m.
    expect(hopLadder(parseDuration('5h')!)).toBe(parseDuration('5m'));
    expect(hopLadder(parseDuration('120m')!)).toBe(parseDuration('2m'));
  });

  it('has no hop for a window that is no whole number of seconds', () => {
    expect(hopLadder(60_001)).toBeUndefined();
    expect(windowAndHop({ kind: 'count', field: null, window: '60001ms' })).toBeUndefined();
    expect(windowAndHop({ kind: 'count', field: null, window: '60001ms', hop: '60001ms' })).toEqual({
      windowMs: 60_001,
      hopMs: 60_001,
    });
  });

  it('is the table of docs/features.md', () => {
    const docs = readFileSync(new URL('../../../docs/features.md', import.meta.url), 'utf8');
    const rows = [...docs.matchAll(/^\| `(\w+)` \| `(\w+)` \| (\d+) \|$/gm)];
    expect(rows.length).toBeGreaterThanOrEqual(12);
    for (const [, window, hop, tiles] of rows) {
      const windowMs = parseDuration(window!)!;
      expect(formatDuration(hopLadder(windowMs)!), window).toBe(hop);
      expect(windowMs / parseDuration(hop!)!, window).toBe(Number(tiles));
    }
    for (const step of hopSteps) expect(docs).toContain(`\`${formatDuration(step)}\``);
  });
});
