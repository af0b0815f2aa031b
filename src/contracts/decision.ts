import type { JsonValue } from '../core/json.ts';
import type { Variant } from './allocation.ts';

/** The fence of one view's state: source partition -> highest source offset that the read saw. */
export type Fence = Readonly<Record<string, number>>;

export interface ViewRead {
  readonly view: string;
  readonly version: number;
  readonly entityKey: string;
  readonly fence: Fence;
  /** Newest known time of the state, ms since the epoch; null where the key has no state. */
  readonly newestKnownTime: number | null;
}

export const DECISION_ID_LENGTH_MAX = 64;
const idForm = /^[\w-]+$/;

/** Whether there can be a decision of this id at all: Postgres takes some texts not even to look for. */
export const isDecisionId = (id: string): boolean => id.length <= DECISION_ID_LENGTH_MAX && idForm.test(id);

/** A prediction and all that explains it. Many to a message of the decision topic, one row each in Postgres. */
export interface Decision {
  readonly id: string;
  readonly model: string;
  readonly version: number;
  readonly digest: string;
  readonly variant: Exclude<Variant, 'shadow'>;
  /** What an experiment assigned the arm by: the entity keys, or what stands for them, joined by U+001F. Absent outside of experiments. */
  readonly unit?: string | undefined;
  /** The example id that its label will carry; null where the request has none. */
  readonly exampleId: string | null;
  /** Decision time, ms since the epoch: features are as of it. */
  readonly asOf: number;
  /** When it was answered, by the wall clock. */
  readonly servedAt: number;
  readonly instance: Readonly<Record<string, JsonValue>>;
  /** base64 of the little-endian float32 numbers in signature order, before the graph imputes. */
  readonly numbers: string;
  readonly categories: readonly (string | null)[];
  readonly reads: readonly ViewRead[];
  readonly score: number;
  readonly shadow: { readonly version: number; readonly score: number } | null;
  readonly latencyMs: {
    readonly features: number;
    readonly queue: number;
    readonly compute: number;
    readonly total: number;
  };
}
