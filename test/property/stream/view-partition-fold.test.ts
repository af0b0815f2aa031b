import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { isMillraceError, MillraceError } from '../../../src/core/millrace-error.ts';
import type { ViewProgram } from '../../../src/fold/compile-view.ts';
import { readFrame } from '../../../src/fold/event-frame.ts';
import { encodeState } from '../../../src/fold/state-codec.ts';
import { TextIds } from '../../../src/fold/text-ids.ts';
import { applyEvent, createState, type ViewState } from '../../../src/fold/view-state.ts';
import { createMemoryOnlineStore } from '../../../src/store/memory-online-store.ts';
import type { OnlineStore } from '../../../src/store/online-store.ts';
import { decodePosition } from '../../../src/store/view-position.ts';
import { writeFrames } from '../../../src/stream/view-frames.ts';
import { ViewPartitionFold, type FrameMessage, type WriteLimits } from '../../../src/stream/view-partition-fold.ts';
import { anyHistory, type LoggedEvent } from '../fold/history-arbitrary.ts';

const PARTITION = 0;
const HOLD_MS = 2_000;
/** A refused write, and one that follows what another member wrote. */
const TURNS_MAX = 4;

/** What happens to a consumer, in turn. */
const anyStep = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('batch' as const), frames: fc.integer({ min: 1, max: 6 }), isBehind: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('crash' as const, 'other member' as const, 'hold' as const, 'lost answer' as const, 'lost write' as const) }) },
);

/** Small, so that every one of them is reached. */
const anyLimits = fc.record({
  eventsMax: fc.integer({ min: 1, max: 8 }),
  statesMax: fc.integer({ min: 1, max: 4 }),
  frameBytesMax: fc.integer({ min: 1, max: 400 }),
  holdMsMax: fc.constant(HOLD_MS),
});

/** One frame an event: what its source partition has up to it. */
function messagesOf(program: ViewProgram, events: readonly LoggedEvent[]): FrameMessage[] {
  const last = new Map<number, number>();
  return events.map((event, offset) => {
    const { sourcePartition, sourceOffset } = event;
    const bounds = { sourcePartition, firstOffset: (last.get(sourcePartition) ?? -1) + 1, lastOffset: sourceOffset };
    last.set(sourcePartition, sourceOffset);
    const frames = writeFrames([program], () => 'view', [event as LoggedEvent & { eventTime: number }], { ...bounds, newestKnownTime: event.knownTime, appendTime: 0 });
    return { offset, value: frames.find(({ partition }) => partition === PARTITION)!.value as Buffer };
  });
}

/** States of the partition after all frames, one event after the other. */
function expectedStates(program: ViewProgram, messages: readonly FrameMessage[]): Map<string, ViewState> {
  const keys = new TextIds();
  const states = new Map<string, ViewState>();
  for (const { value } of messages) {
    const own: { key: string; apply: (sourcePartition: number) => void }[] = [];
    const { sourcePartition } = readFrame(program, value!, keys, (id, offset, effectiveTime, knownTime, inputs, at) => {
      const key = keys.textOf(id);
      const copy = inputs.slice(at, at + program.inputCount);
      const state = states.get(key) ?? createState(program);
      states.set(key, state);
      own.push({ key, apply: (from) => void applyEvent(program, state, from, offset, effectiveTime, knownTime, copy, 0) });
    });
    for (const { apply } of own) apply(sourcePartition);
  }
  return states;
}

/** A store whose next write fails before it, or after it as where the answer is lost. It says on what offset the last write followed, and the most states of one. */
function failing(store: OnlineStore): OnlineStore & { fail: 'lost write' | 'lost answer' | undefined; followed: number; mostStates: number } {
  const wrapped = {
    ...store,
    followed: NaN,
    mostStates: 0,
    fail: undefined as 'lost write' | 'lost answer' | undefined,
    writePartition: async (...args: Parameters<OnlineStore['writePartition']>) => {
      const { fail } = wrapped;
      wrapped.mostStates = Math.max(wrapped.mostStates, args[2].states.length);
      wrapped.followed = decodePosition(args[2].expected).viewOffset;
      wrapped.fail = undefined;
      if (fail === 'lost write') throw new MillraceError('STORE_UNAVAILABLE', 'lost on the way');
      const written = await store.writePartition(...args);
      if (fail === 'lost answer') throw new MillraceError('STORE_UNAVAILABLE', 'answer lost on the way');
      return written;
    },
  };
  return wrapped;
}

/** A member that is told a batch's first offset as its append time, and is held to it. */
function openMember(program: ViewProgram, store: ReturnType<typeof failing>, writeLimits: WriteLimits) {
  const batchOf = new Map<number, number>();
  const fold = new ViewPartitionFold(program, PARTITION, store, {
    cacheLimits: { statesMax: 2, bytesMax: 1_000 },
    writeLimits,
    failpoints: {},
    onVisible: (oldest) => {
      expect(oldest).toBe(batchOf.get(store.followed + 1));
    },
  });
  const bring = (batch: readonly FrameMessage[], isBehind: boolean) => {
    const appendTime = batch[0]!.offset;
    for (const { offset } of batch) batchOf.set(offset, appendTime);
    return fold.fold(batch, { isBehind, appendTime });
  };
  return { fold, bring };
}

function unlessUnavailable(error: unknown): void {
  if (!isMillraceError(error) || error.code !== 'STORE_UNAVAILABLE') throw error;
}

vi.useFakeTimers({ toFake: ['performance'] });

it('leaves in the store what the frames say, each once, whatever is held, refused, lost or begun again', async () => {
  await fc.assert(
    fc.asyncProperty(anyHistory, anyLimits, fc.array(anyStep, { maxLength: 30 }), async ({ program: drawn, events }, writeLimits, steps) => {
      // All keys are in the one partition.
      const program = { ...drawn, partitions: 1 };
      const messages = messagesOf(program, events);
      const store = failing(createMemoryOnlineStore(() => 0));
      const open = () => openMember(program, store, writeLimits);
      const stored = async () => (await store.readPositions(program))[PARTITION]!;
      /** States are those of the frames up to the position, at every moment. */
      const expectStored = async (): Promise<void> => {
        const expected = expectedStates(program, messages.slice(0, (await stored()).viewOffset + 1));
        const found = await store.readStates([...expected.keys()].map((entityKey) => ({ program, entityKey })));
        expect(found.map((bytes) => bytes?.toString('hex'))).toEqual([...expected.values()].map((state) => Buffer.from(encodeState(program, state)).toString('hex')));
      };
      let member = open();
      let cursor = 0;
      const feed = async (frames: number, isBehind: boolean): Promise<void> => {
        const { viewOffset } = await member.fold.position();
        // As a consumer does: from the position, wherever the client stands.
        if (cursor > viewOffset + 1) cursor = viewOffset + 1;
        const batch = messages.slice(cursor, cursor + frames).filter(({ offset }) => offset > viewOffset);
        const outcome = batch.length === 0 ? 'held' : await member.bring(batch, isBehind);
        if (outcome === 'folded') expect(await stored()).toEqual(await member.fold.position());
        cursor = outcome === 'refused' ? (await member.fold.position()).viewOffset + 1 : cursor + frames;
        expect(outcome).not.toBe('gap');
      };
      for (const step of steps) {
        if (step.kind === 'batch') await feed(step.frames, step.isBehind).catch(unlessUnavailable);
        else if (step.kind === 'crash') member = open();
        else if (step.kind === 'hold') vi.advanceTimersByTime(HOLD_MS);
        else if (step.kind === 'other member') {
          const other = open();
          const { viewOffset } = await other.fold.position();
          const next = messages.slice(viewOffset + 1, viewOffset + 2);
          if (next.length > 0) await other.bring(next, false).catch(unlessUnavailable);
        } else store.fail = step.kind;
        if (step.kind === 'hold') await member.fold.flush().catch(unlessUnavailable);
        await expectStored();
      }
      store.fail = undefined;
      // What is still held is written by the check that comes each second.
      for (let turns = 0; turns < TURNS_MAX && (await stored()).viewOffset < messages.length - 1; turns++) {
        await feed(messages.length, false);
        vi.advanceTimersByTime(HOLD_MS);
        await member.fold.flush();
      }
      expect((await stored()).viewOffset).toBe(messages.length - 1);
      expect(store.mostStates).toBeLessThanOrEqual(writeLimits.statesMax);
      await expectStored();
    }),
    { numRuns: 300 },
  );
});
