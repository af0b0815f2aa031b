import { condition, isCancellation, type ChildWorkflowHandle } from '@temporalio/workflow';
import type { OperatorNote } from '../src/contracts/lifecycle.ts';
import type { LifecycleInbox } from './lifecycle-inbox.ts';

/** A running child, whatever its arguments. */
export type Child<T> = Pick<ChildWorkflowHandle<() => Promise<T>>, 'result' | 'signal'>;

export type Settled<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: unknown };

/**
 * Waits for a child while operators may go on: `onCommand` is called when a new command lies in the inbox,
 * `onApproval` when an approval does.
 */
export async function attendChild<T>(
  child: Child<T>,
  inbox: LifecycleInbox,
  handlers: { onCommand(): Promise<void>; onApproval(): Promise<void> },
): Promise<Settled<T>> {
  let settled: Settled<T> | undefined;
  const settling = child.result().then(
    (value): Settled<T> => (settled = { ok: true, value }),
    (error: unknown): Settled<T> => (settled = { ok: false, error }),
  );
  let seen = 0;
  for (;;) {
    await condition(() => settled !== undefined || inbox.commands.length > seen || inbox.approvals.length > 0);
    if (settled !== undefined) return settling;
    if (inbox.approvals.length > 0) await handlers.onApproval();
    if (inbox.commands.length > seen) await handlers.onCommand();
    seen = inbox.commands.length;
  }
}

/** A child that ended in this moment takes no signal; its result says how it ended. */
export async function signalChild(child: Child<unknown>, signal: string, note: OperatorNote): Promise<void> {
  await child.signal(signal, note).catch((error: unknown) => {
    if (isCancellation(error)) throw error;
  });
}
