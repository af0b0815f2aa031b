import { prepareEvent, viewKeyOf, type ViewProgram } from '../../../src/fold/compile-view.ts';
import { FrameWriter, readFrame } from '../../../src/fold/event-frame.ts';
import { decodeState, encodeState } from '../../../src/fold/state-codec.ts';
import { TextIds } from '../../../src/fold/text-ids.ts';
import {
  applyEvent,
  createState,
  fenceOf,
  readFeatures,
  type ViewState,
} from '../../../src/fold/view-state.ts';
import type { LoggedEvent } from '../../../src/store/offline-log.ts';

/** What a live read gave, and all that it takes to give it again. */
export interface FoldedRead {
  readonly key: readonly string[];
  readonly asOf: number;
  readonly fence: Readonly<Record<string, number>>;
  /** Float64, NaN is null. */
  readonly values: Float64Array;
}

interface Frame {
  readonly sourcePartition: number;
  readonly bytes: Uint8Array;
}

const KEY_SEPARATOR = '\u001f';
const FRAME_EVENTS_MAX = 6;

/**
 * Folds a history as it arrives: in frames of a few events of one source partition, partitions interleaved as `picks`
 * say, some frames again, states written and read in between; and reads one key's state after each frame.
 * @param leads how long after the newest known time of its state each read is, in turn
 */
export function foldAlong(
  program: ViewProgram,
  events: readonly LoggedEvent[],
  picks: readonly number[],
  leads: readonly number[],
): { reads: FoldedRead[]; ends: FoldedRead[] } {
  const states = new Map<string, ViewState>();
  const keys = new TextIds();
  const reads: FoldedRead[] = [];
  const frames = arrange(framesOf(program, events, picks), picks);
  frames.forEach((frame, n) => {
    const pick = picks[n % picks.length] ?? 0;
    let last: string | null = null;
    const apply = ({ sourcePartition, bytes }: Frame, isNew: boolean): void => {
      readFrame(program, bytes, keys, (id, offset, effectiveTime, knownTime, inputs, at) => {
        const key = keys.textOf(id);
        const state = states.get(key) ?? createState(program);
        states.set(key, state);
        const applied = applyEvent(
          program,
          state,
          sourcePartition,
          offset,
          effectiveTime,
          knownTime,
          inputs,
          at,
        );
        if (applied !== isNew) throw new Error(`offset ${offset} is applied once`);
        last = key;
      });
    };
    apply(frame, true);
    if (pick % 4 === 0) apply(frames[pick % (n + 1)] as Frame, false);
    if (pick % 3 === 0)
      for (const [key, state] of states) states.set(key, decodeState(program, encodeState(program, state)));
    if (last !== null && pick % 2 === 0)
      reads.push(read(program, states, last, leads[n % leads.length] ?? 0));
  });
  const ends = [...states.keys()]
    .sort()
    .map((key, i) => read(program, states, key, leads[i % leads.length] ?? 0));
  return { reads, ends };
}

function read(
  program: ViewProgram,
  states: ReadonlyMap<string, ViewState>,
  key: string,
  lead: number,
): FoldedRead {
  const state = states.get(key) as ViewState;
  const asOf = state.newestKnownTime + lead;
  const values = new Float64Array(program.featureNames.length);
  readFeatures(program, state, asOf, values, 0);
  return { key: key.split(KEY_SEPARATOR), asOf, fence: fenceOf(state), values };
}

/** Frames by source partition, in the order of offsets. */
function framesOf(program: ViewProgram, events: readonly LoggedEvent[], picks: readonly number[]): Frame[][] {
  const inputs = new Float64Array(program.inputCount);
  return [...new Set(events.map(({ sourcePartition }) => sourcePartition))].map((sourcePartition) => {
    const own = events.filter((one) => one.sourcePartition === sourcePartition);
    const frames: Frame[] = [];
    for (let from = 0, n = 0; from < own.length; n++) {
      let to = from + 1 + ((picks[n % picks.length] ?? 0) % FRAME_EVENTS_MAX);
      // A message is of one frame, both rows of an update too.
      while (to < own.length && own[to]?.sourceOffset === own[to - 1]?.sourceOffset) to++;
      const batch = own.slice(from, to);
      from = to;
      const writer = new FrameWriter(program);
      for (const { row, sourceOffset, effectiveTime, knownTime } of batch) {
        const key = viewKeyOf(program, row);
        if (key === null) continue;
        prepareEvent(program, row, inputs, 0);
        writer.add(key, sourceOffset, effectiveTime, knownTime, inputs, 0);
      }
      const newestKnownTime = Math.max(...batch.map(({ knownTime }) => knownTime));
      const [first, last] = [batch[0], batch.at(-1)] as [LoggedEvent, LoggedEvent];
      const offsets = { firstOffset: first.sourceOffset, lastOffset: last.sourceOffset };
      frames.push({
        sourcePartition,
        bytes: writer.finish({ sourcePartition, ...offsets, newestKnownTime }),
      });
    }
    return frames;
  });
}

/** An order of arrival that keeps the order of each source partition. */
function arrange(queues: readonly (readonly Frame[])[], picks: readonly number[]): Frame[] {
  const waiting = queues.map((queue) => [...queue]);
  const order: Frame[] = [];
  for (let i = 0; ; i++) {
    const open = waiting.filter((queue) => queue.length > 0);
    if (open.length === 0) return order;
    order.push((open[(picks[i % picks.length] ?? 0) % open.length] as Frame[]).shift() as Frame);
  }
}
