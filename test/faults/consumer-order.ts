import type { Failpoints } from '../../src/stream/failpoints.ts';

/** What a process of the suite is: a member of a group, or one rebuild of all views. */
export type ConsumerRole = 'ingest' | 'fold' | 'rebuild';

/** Where a process can be told to die: the event path's failpoints, and between two writes of a rebuild. */
export type DeathPoint = keyof Failpoints | 'inRebuild';

export interface ConsumerOrder {
  readonly dieAt: DeathPoint;
  /** Dies at this pass, counted from 1. */
  readonly passes: number;
}

/** Short, so that a member that stopped is noticed soon; long enough for two busy cores. */
export const SESSION_TIMEOUT_MS = 4_000;
