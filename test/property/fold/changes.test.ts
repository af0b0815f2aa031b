import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { prepareEvent } from '../../../src/fold/compile-view.ts';
import { FrameWriter, readFrame } from '../../../src/fold/event-frame.ts';
import { TextIds } from '../../../src/fold/text-ids.ts';
import { decodeState, encodeState } from '../../../src/fold/state-codec.ts';
import { applyEvent, applyLogged, createState, foldEvent, type ViewState } from '../../../src/fold/view-state.ts';
import { streamedAsOf } from '../../support/fold/streamed-as-of.ts';
import { float32Of } from '../../support/naive/float32.ts';
import { anyChangeHistory, changeHistory, changesOf, survivors, type ChangeHistory } from './change-arbitrary.ts';
import * as arbitrary from './history-arbitrary.ts';

const { foldAll, HOUR_MS, interleave, KEYS, picks, read, readNaively, START_MS } = arbitrary;

const END_MS = START_MS + 150 * HOUR_MS;

/** A state that never had the rows that are gone, made as new and as far as another. */
function stateOfSurvivors(drawn: ChangeHistory, key: string, like: ViewState): ViewState {
  const { program } = drawn;
  const state = createState(program);
  state.newestKnownTime = like.newestKnownTime;
  const inputs = new Float64Array(program.inputCount);
  for (const one of survivors(drawn, END_MS).filter((survivor) => survivor.key === key)) {
    prepareEvent(program, one.row, inputs, 0);
    foldEvent(program, state, one.effectiveTime, one.knownTime, inputs, 0);
  }
  state.newestKnownTime = like.newestKnownTime;
  state.fences.set(like.fences);
  return state;
}

describe('a fold of rows that change', () => {
  it('reads as the naive oracle does of the rows that are left, to the last bit of a float32', () => {
    fc.assert(
      fc.property(changeHistory, picks, fc.integer({ min: 0, max: 50 * HOUR_MS }), (drawn, order, lead) => {
        const states = foldAll(drawn.program, arrival(drawn, order));
        for (const key of KEYS) {
          const state = states.get(key);
          const asOf = (state?.newestKnownTime ?? START_MS) + lead;
          expect(read(drawn.program, state, asOf)).toEqual(readNaively(drawn, key, asOf, survivors(drawn, END_MS)));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('ends with the bytes of a state that never had the rows that are gone, in any order of arrival', () => {
    fc.assert(
      fc.property(anyChangeHistory, picks, (drawn, order) => {
        for (const [key, state] of foldAll(drawn.program, arrival(drawn, order))) {
          const bytes = encodeState(drawn.program, state);
          expect(bytes).toEqual(encodeState(drawn.program, stateOfSurvivors(drawn, key, state)));
          expect(encodeState(drawn.program, decodeState(drawn.program, bytes))).toEqual(bytes);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('comes to the same where rows are taken back before they were added', () => {
    fc.assert(
      fc.property(anyChangeHistory, (drawn) => {
        const { program, events } = drawn;
        const inputs = new Float64Array(program.inputCount);
        for (const [key, forward] of foldAll(program, events)) {
          const state = createState(program);
          state.newestKnownTime = forward.newestKnownTime;
          for (const one of events.filter((event) => event.key === key).toReversed()) {
            prepareEvent(program, one.row, inputs, 0);
            foldEvent(program, state, one.effectiveTime, one.knownTime, inputs, 0);
            const middle = encodeState(program, state);
            expect(encodeState(program, decodeState(program, middle))).toEqual(middle);
          }
          state.fences.set(forward.fences);
          expect(encodeState(program, state)).toEqual(encodeState(program, forward));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('reads history as of a moment as the rows were then', () => {
    const moments = fc.array(fc.integer({ min: 30 * HOUR_MS, max: 140 * HOUR_MS }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(changeHistory, moments, (drawn, leads) => {
        const { program, events } = drawn;
        const rows = leads.flatMap((lead) => KEYS.map((key) => ({ key, asOf: START_MS + lead })));
        const spine = { keys: rows.map(({ key }) => key), asOf: Float64Array.from(rows, ({ asOf }) => asOf) };
        const expected = rows.map(({ key, asOf }) => readNaively(drawn, key, asOf, survivors(drawn, asOf)));
        const width = program.featureNames.length;
        const { values } = streamedAsOf(program, events, spine);
        const found = rows.map((_, r) => Array.from(values.subarray(r * width, (r + 1) * width), float32Of));
        expect(found).toEqual(expected);
      }),
      { numRuns: 200, examples: [[outOfRange(), [40 * HOUR_MS]]] },
    );
  });

  it('lets both rows of a change through frames and fences once, however often the frames come', () => {
    fc.assert(
      fc.property(anyChangeHistory, fc.array(fc.nat({ max: 6 }), { maxLength: 8 }), (drawn, again) => {
        const { program, events } = drawn;
        const inputs = new Float64Array(program.inputCount);
        const frames = framesOf(drawn);
        const live = new Map<string, ViewState>();
        const keys = new TextIds();
        const deliver = (frame: { sourcePartition: number; bytes: Uint8Array }): void => {
          readFrame(program, frame.bytes, keys, (id, offset, effectiveTime, knownTime, values, at) => {
            const key = keys.textOf(id);
            let state = live.get(key);
            if (state === undefined) live.set(key, (state = createState(program)));
            applyEvent(program, state, frame.sourcePartition, offset, effectiveTime, knownTime, values, at);
          });
        };
        frames.forEach((frame, i) => {
          deliver(frame);
          for (const earlier of again) if (earlier <= i) deliver(frames[earlier]!);
        });
        const rebuilt = new Map<string, ViewState>();
        for (const one of events.toSorted(byOffset)) {
          let state = rebuilt.get(one.key);
          if (state === undefined) rebuilt.set(one.key, (state = createState(program)));
          prepareEvent(program, one.row, inputs, 0);
          applyLogged(program, state, one.sourcePartition, one.sourceOffset, one.effectiveTime, one.knownTime, inputs, 0);
        }
        const once = foldAll(program, events);
        expect([...live.keys()].sort()).toEqual([...once.keys()].sort());
        for (const [key, state] of once) {
          const bytes = encodeState(program, state);
          expect(encodeState(program, live.get(key)!)).toEqual(bytes);
          expect(encodeState(program, rebuilt.get(key)!)).toEqual(bytes);
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** Two rows whose variance is no float32. */
function outOfRange(): ChangeHistory {
  const rowOf = (amount: number) =>
    ({ key: 'a', at: 0, amount, fee: null, online: null, country: null }) as const;
  return changesOf(
    [{ kind: 'variance', field: 'amount', window: 'lifetime' }],
    [1e30, 0].map((amount) => ({ partition: 0, versions: [{ row: rowOf(amount), delay: 0 }] })),
  );
}

/** Another order of arrival; the two rows of an update come in one frame, one after the other. */
function arrival({ events }: ChangeHistory, order: readonly number[]): arbitrary.LoggedEvent[] {
  const firsts = events.filter((one, i) => i === 0 || byOffset(events[i - 1]!, one) !== 0);
  return interleave(firsts, order).flatMap((first) => events.filter((one) => byOffset(first, one) === 0));
}

const byOffset = (a: arbitrary.LoggedEvent, b: arbitrary.LoggedEvent): number =>
  a.sourcePartition - b.sourcePartition || a.sourceOffset - b.sourceOffset;

/** Frames of up to four messages, by source partition and offset. */
function framesOf({ program, events }: ChangeHistory): { sourcePartition: number; bytes: Uint8Array }[] {
  const inputs = new Float64Array(program.inputCount);
  const groups = new Map<string, arbitrary.LoggedEvent[]>();
  for (const one of events.toSorted(byOffset)) {
    const name = `${one.sourcePartition}/${one.sourceOffset >> 2}`;
    groups.set(name, [...(groups.get(name) ?? []), one]);
  }
  return [...groups.values()].map((group) => {
    const writer = new FrameWriter(program);
    for (const one of group) {
      prepareEvent(program, one.row, inputs, 0);
      writer.add(one.key, one.sourceOffset, one.effectiveTime, one.knownTime, inputs, 0);
    }
    const { sourcePartition } = group[0]!;
    const bounds = { sourcePartition, firstOffset: 0, lastOffset: group.at(-1)!.sourceOffset, newestKnownTime: 0 };
    return { sourcePartition, bytes: writer.finish(bounds) };
  });
}
