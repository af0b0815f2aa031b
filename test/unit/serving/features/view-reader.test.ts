import { describe, expect, it } from 'vitest';
import { MillraceError } from '../../../../src/core/millrace-error.ts';
import { compileView } from '../../../../src/fold/compile-view.ts';
import { encodeState } from '../../../../src/fold/state-codec.ts';
import { applyEvent, createState } from '../../../../src/fold/view-state.ts';
import { ViewReader, type StateRequest } from '../../../../serving/features/view-reader.ts';
import { originDepartures } from '../../../support/serving/tiny-project.ts';

const program = compileView(originDepartures);
/** A state that says, by its fence, which number it belongs to. */
function stateBytes(number: number): Buffer {
  const state = createState(program);
  applyEvent(program, state, 0, number, 0, 0, new Float64Array(program.inputCount), 0);
  return Buffer.from(encodeState(program, state));
}

/** A store that answers after a while and notes what each round trip asked for. */
function setUp(answer: (key: string | null) => Buffer | null = (key) => (key === null ? null : stateBytes(Number(key)))) {
  const trips: (string | null)[][] = [];
  const reader = new ViewReader({
    readStates: async (reads) => {
      trips.push(reads.map(({ entityKey }) => entityKey));
      await new Promise((resolve) => setTimeout(resolve, 10));
      return reads.map(({ entityKey }) => answer(entityKey));
    },
  });
  const read = async (...keys: (string | null)[]) =>
    (await reader.read(keys.map((entityKey): StateRequest => ({ program, entityKey })))).map((state) => state?.fences[0]);
  return { trips, read };
}

describe('the view reader', () => {
  it('shares one round trip among the requests of a turn, asking for each key once', async () => {
    const { trips, read } = setUp();
    const answers = await Promise.all([read('1', '2'), read('2', null), read('3', '1')]);
    expect(trips).toEqual([['1', '2', null, '3']]);
    expect(answers).toEqual([[1, 2], [2, undefined], [3, 1]]);
  });

  it('decodes a key once for all who share a round trip', async () => {
    const reader = new ViewReader({ readStates: (reads) => Promise.resolve(reads.map(() => stateBytes(1))) });
    const request: StateRequest = { program, entityKey: '1' };
    const [[first, again], [other]] = await Promise.all([reader.read([request, { ...request }]), reader.read([request])]);
    expect(again).toBe(first);
    expect(other).toBe(first);
  });

  it('gathers what comes while a round trip is under way for the next one', async () => {
    const { trips, read } = setUp();
    const first = read('1');
    await new Promise((resolve) => setTimeout(resolve, 3));
    const others = [read('2'), read('3')];
    await Promise.all([first, ...others]);
    expect(trips).toEqual([['1'], ['2', '3']]);
  });

  it('fails with a corrupt state only those who asked for it', async () => {
    const { read } = setUp((key) => (key === '9' ? Buffer.from('broken') : stateBytes(Number(key))));
    const bad = expect(read('1', '9')).rejects.toMatchObject({ code: 'STATE_CORRUPT' });
    expect(await read('1')).toEqual([1]);
    await bad;
  });

  it('fails all who shared a round trip that failed, and reads on', async () => {
    let away = true;
    const reader = new ViewReader({
      readStates: (reads) =>
        away ? Promise.reject(new MillraceError('STORE_UNAVAILABLE', 'away')) : Promise.resolve(reads.map(() => null)),
    });
    const both = [reader.read([{ program, entityKey: 'a' }]), reader.read([{ program, entityKey: 'b' }])];
    for (const one of both) await expect(one).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    away = false;
    expect(await reader.read([{ program, entityKey: 'a' }])).toEqual([null]);
  });

  it('takes whole callers up to 4,096 keys into a round trip, and one who asks for more alone', async () => {
    const { trips, read } = setUp(() => null);
    const keys = (from: number, count: number) => Array.from({ length: count }, (_, i) => String(from + i));
    await Promise.all([read(...keys(0, 3_000)), read(...keys(3_000, 1_096)), read(...keys(4_096, 1)), read(...keys(10_000, 5_000))]);
    expect(trips.map((trip) => trip.length)).toEqual([4_096, 1, 5_000]);
  });

  it('refuses what would wait behind 65,536 keys, and takes it again once they are read', async () => {
    const { read } = setUp(() => null);
    const many = Array.from({ length: 65_536 }, (_, i) => String(i));
    const waiting = read(...many);
    await expect(read('1')).rejects.toMatchObject({ code: 'SERVING_OVERLOADED', details: { retryAfterSeconds: 1 } });
    expect(await waiting).toHaveLength(65_536);
    expect(await read('1')).toEqual([undefined]);
  });
});
