import type { ControlAction } from '../../serving/peers.ts';

/** What one process of a group wants of others. */
export type Question = { readonly what: 'metrics' } | { readonly what: ControlAction; readonly model: string };

export type Answer = { readonly text: string } | { readonly error: { readonly code: string; readonly message: string } };

const METRICS_LIMIT_MS = 5_000;
/** A load opens and warms what is allocated. */
const CONTROL_LIMIT_MS = 60_000;

export const limitMsOf = (what: Question['what']): number => (what === 'metrics' ? METRICS_LIMIT_MS : CONTROL_LIMIT_MS);

/** From a serving process to the primary. */
export type FromMember =
  | { readonly kind: 'joined'; readonly url: string; readonly grpcAddress: string }
  | { readonly kind: 'ready'; readonly ready: boolean }
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer };

/** From the primary to a serving process. */
export type ToMember =
  | { readonly kind: 'group'; readonly ready: boolean }
  | { readonly kind: 'question'; readonly id: number; readonly question: Question }
  | { readonly kind: 'answers'; readonly id: number; readonly answers: readonly Answer[] };
