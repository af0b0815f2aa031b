import type { Clock } from '../core/clock.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import { stateLifeMs } from '../fold/state-life.ts';
import type { OnlineStore, PartitionWrite } from './online-store.ts';
import { ABSENT_POSITION, decodePosition } from './view-position.ts';
import { waitVisible } from './wait-visible.ts';

interface StoredState {
  readonly bytes: Buffer;
  /** Wall clock, ms since the epoch. */
  readonly writtenAt: number;
}

/** All of one version of one view. */
interface StoredView {
  /** In order of their last write, which is the order in which they end. */
  readonly states: Map<string, StoredState>;
  readonly positions: Map<number, string>;
}

/**
 * An online store in the memory of this process, for tests and for programs that fold and read in one process.
 * It keeps to the contract of the one in Redis, and is lost with the process.
 */
export function createMemoryOnlineStore(clock: Clock = Date.now): OnlineStore {
  const views = new Map<string, StoredView>();
  const viewOf = ({ name, version }: ViewProgram): StoredView => {
    const key = `${name}/${version}`;
    let view = views.get(key);
    if (view === undefined) views.set(key, (view = { states: new Map(), positions: new Map() }));
    return view;
  };
  const positionText = (program: ViewProgram, partition: number): string =>
    viewOf(program).positions.get(partition) ?? ABSENT_POSITION;
  const readPositionTexts: OnlineStore['readPositionTexts'] = async (of) =>
    of.map(({ program, partition }) => positionText(program, partition));

  return {
    readPositionTexts,
    async readStates(reads) {
      const now = clock();
      return reads.map(({ program, entityKey }) => {
        const state = entityKey === null ? undefined : viewOf(program).states.get(entityKey);
        // A copy, as a reply of Redis is: what a reader does with it is its own affair.
        return state === undefined || hasEnded(program, state, now) ? null : Buffer.from(state.bytes);
      });
    },
    async writePartition(program, partition, write) {
      const current = positionText(program, partition);
      if (current !== write.expected) return current === write.position;
      writeAll(program, viewOf(program), partition, write, clock());
      return true;
    },
    readPositionText: async (program, partition) => positionText(program, partition),
    readPositions: async (program) =>
      Array.from({ length: program.partitions }, (_, partition) =>
        decodePosition(positionText(program, partition)),
      ),
    waitVisible: (programs, offsets, timeoutMs) =>
      waitVisible(readPositionTexts, programs, offsets, timeoutMs),
  };
}

function writeAll(
  program: ViewProgram,
  view: StoredView,
  partition: number,
  write: PartitionWrite,
  now: number,
): void {
  for (const { entityKey, bytes } of write.states) {
    view.states.delete(entityKey);
    view.states.set(entityKey, { bytes: Buffer.from(bytes), writtenAt: now });
  }
  view.positions.set(partition, write.position);
  for (const [entityKey, state] of view.states) {
    if (!hasEnded(program, state, now)) return;
    view.states.delete(entityKey);
  }
}

function hasEnded(program: ViewProgram, { writtenAt }: StoredState, now: number): boolean {
  const lifeMs = stateLifeMs(program);
  return lifeMs !== null && now - writtenAt >= lifeMs;
}
