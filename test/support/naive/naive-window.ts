import type { Aggregation } from '../../../src/define/aggregation.ts';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Tiles that the ladder aims at. */
const TILES = 60;

/** Hops of the ladder, docs/features.md. */
// prettier-ignore
const ladder = [
  '1s', '2s', '3s', '5s', '10s', '15s', '20s', '30s',
  '1m', '2m', '3m', '5m', '10m', '15m', '20m', '30m',
  '1h', '2h', '3h', '6h', '12h', '24h',
];

/** Milliseconds of `'90m'` and the like. */
export function durationMs(text: string): number {
  const [, amount, unit] = /^([0-9.]+)([a-z]+)$/.exec(text) ?? [];
  const ms = Number(amount) * (unitMs[unit ?? ''] ?? NaN);
  if (!Number.isFinite(ms)) throw new Error(`'${text}' is no duration`);
  return Math.round(ms);
}

export function windowMsOf(aggregation: Aggregation): number {
  return aggregation.window === 'lifetime' ? Infinity : durationMs(aggregation.window);
}

/**
 * The given hop, or the ladder's: of the steps that divide the window the one with a number of tiles whose
 * ratio to sixty is nearest to one; the finer of two equals.
 */
export function hopMsOf(aggregation: Aggregation): number {
  if (aggregation.hop !== undefined) return durationMs(aggregation.hop);
  if (aggregation.window === 'lifetime') return Infinity;
  const windowMs = windowMsOf(aggregation);
  const candidates = ladder
    .map(durationMs)
    .filter((step) => windowMs % step === 0)
    .map((step) => ({ step, tiles: windowMs / step }));
  const ratio = (tiles: number): [number, number] => (tiles > TILES ? [tiles, TILES] : [TILES, tiles]);
  // Fractions are compared by cross-multiplication, so that equal ones are equal.
  candidates.sort((a, b) => {
    const [overA, underA] = ratio(a.tiles);
    const [overB, underB] = ratio(b.tiles);
    return overA * underB - overB * underA || a.step - b.step;
  });
  const best = candidates[0];
  if (best === undefined) throw new Error(`No step of the ladder divides the window '${aggregation.window}'`);
  return best.step;
}

/**
 * The sawtooth window as of T: whether an event of that time counts, tile(T - W) <= tile(event) <= tile(T). In a
 * lifetime every event that is seen does.
 */
export function windowOf(aggregation: Aggregation, asOf: number): (effectiveTime: number) => boolean {
  if (aggregation.window === 'lifetime') return () => true;
  const hopMs = hopMsOf(aggregation);
  const tile = (time: number): number => Math.floor(time / hopMs);
  const first = tile(asOf - windowMsOf(aggregation));
  const last = tile(asOf);
  return (effectiveTime) => tile(effectiveTime) >= first && tile(effectiveTime) <= last;
}
