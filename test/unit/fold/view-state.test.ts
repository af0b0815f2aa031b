import { describe, expect, it } from 'vitest';
import { compileView } from '../../../src/fold/compile-view.ts';
import { READ_GRACE_MS } from '../../../src/fold/plan-resolution.ts';
import { decodeState, encodeState } from '../../../src/fold/state-codec.ts';
import { applyEvent, createState, fenceOf } from '../../../src/fold/view-state.ts';
import { cardView, HOUR_MS, MINUTE_MS, OneKey, START_MS } from '../../support/fold/payments.ts';

const hourly = cardView((a) => ({ count: a.count({ window: '1h' }) }));

describe('a sawtooth window', () => {
  it('has an exact head and a tail that moves by the hop', () => {
    const key = new OneKey(hourly).add(30_000);
    // The event's tile is minute 0, which tile(T - 1h) leaves behind at 61 minutes.
    expect(key.read(30_000)).toEqual({ count: 1 });
    expect(key.read(61 * MINUTE_MS - 1)).toEqual({ count: 1 });
    expect(key.read(61 * MINUTE_MS)).toEqual({ count: 0 });
  });

  it('does not see tiles after its moment, where the state has run ahead', () => {
    const key = new OneKey(hourly)
      .add(0)
      .add(10 * MINUTE_MS)
      .add(20 * MINUTE_MS);
    expect(key.read(10 * MINUTE_MS)).toEqual({ count: 2 });
    expect(key.read(-MINUTE_MS)).toEqual({ count: 0 });
  });

  it('is corrected by a late event in every window that it still falls into', () => {
    const view = cardView((a) => ({ short: a.count({ window: '1h' }), long: a.count({ window: '3h' }) }));
    const key = new OneKey(view).add(3 * HOUR_MS).add(90 * MINUTE_MS, {}, 3 * HOUR_MS);
    expect(key.read(3 * HOUR_MS)).toEqual({ short: 1, long: 2 });
  });

  it('is not changed by an event that is older than the longest window', () => {
    const key = new OneKey(hourly).add(10 * HOUR_MS).add(0, {}, 10 * HOUR_MS);
    expect(key.read(10 * HOUR_MS)).toEqual({ count: 1 });
    expect(key.state.runs.map((run) => run.count)).toEqual([1]);
  });
});

describe('a lifetime window', () => {
  const view = cardView((a) => ({
    ever: a.count({ window: 'lifetime' }),
    oldest: a.first('amount', { window: 'lifetime', where: { amount: { gt: 0 } } }),
    hour: a.count({ window: '1h' }),
  }));

  it('keeps all events in one tile, whatever their times', () => {
    const key = new OneKey(view);
    for (const day of [3, 0, 2_000, -40_000, 365]) key.add(day * 24 * HOUR_MS, { amount: day });
    expect(key.read(3_000 * 24 * HOUR_MS)).toEqual({ ever: 5, oldest: 3, hour: 0 });
    const [, lifetime] = key.state.runs;
    expect([lifetime!.count, lifetime!.tileAt(0)]).toEqual([1, 0]);
    const decoded = decodeState(key.program, encodeState(key.program, key.state));
    expect(encodeState(key.program, decoded)).toEqual(encodeState(key.program, key.state));
  });

  it('is longer than any event can be late', () => {
    expect(compileView(view).longestWindowMs).toBeGreaterThanOrEqual(2 * 8.64e15);
  });
});

describe('the state of a key', () => {
  it('refuses what its fence has let through, per source partition', () => {
    const program = compileView(hourly);
    const state = createState(program);
    const inputs = Float64Array.of(1);
    const apply = (partition: number, offset: number) =>
      applyEvent(program, state, partition, offset, START_MS, START_MS, inputs, 0);
    expect([apply(0, 5), apply(0, 5), apply(0, 4), apply(1, 4), apply(0, 6)]).toEqual([
      true,
      false,
      false,
      true,
      true,
    ]);
    expect(fenceOf(state)).toEqual({ 0: 6, 1: 4 });
  });

  it('takes partitions beyond those that the source had when the state was made', () => {
    const program = compileView(hourly);
    const state = createState(program);
    applyEvent(program, state, 100, 0, START_MS, START_MS, Float64Array.of(1), 0);
    expect(fenceOf(state)).toEqual({ 100: 0 });
    expect(() => applyEvent(program, state, 512, 0, START_MS, START_MS, Float64Array.of(1), 0)).toThrow(
      'Invariant',
    );
  });

  it('keeps no tile for an event that no feature counts', () => {
    const view = cardView((a) => ({ online: a.count({ window: '1h', where: { online: true } }) }));
    const key = new OneKey(view).add(0, { online: false });
    expect(key.state.runs.map((run) => run.count)).toEqual([0]);
    expect(fenceOf(key.state)).toEqual({ 0: 0 });
  });

  it('drops tiles that no read within the grace can need, and keeps those that one can', () => {
    const key = new OneKey(hourly).add(0).add(3 * HOUR_MS);
    expect(key.state.runs.map((run) => run.count)).toEqual([1]);
    const kept = new OneKey(hourly).add(0).add(2 * HOUR_MS);
    expect(kept.read(2 * HOUR_MS - READ_GRACE_MS)).toEqual({ count: 1 });
  });

  it('stays as small as its windows, however long it lives', () => {
    const key = new OneKey(hourly);
    for (let minute = 0; minute < 10_000; minute++) key.add(minute * MINUTE_MS);
    const [run] = key.state.runs;
    expect(run!.count).toBe(121);
    expect(run!.values.length / run!.stride).toBeLessThanOrEqual(512);
    expect(key.read(9_999 * MINUTE_MS)).toEqual({ count: 61 });
  });
});
