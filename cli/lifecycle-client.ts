import os from 'node:os';
import type { Client } from '@temporalio/client';
import {
  lifecycleQueries,
  workflowIds,
  type LifecycleEvent,
  type LifecycleState,
} from '../src/contracts/lifecycle.ts';

export interface LifecycleClient {
  readonly workflowId: string;
  state(): Promise<LifecycleState>;
  /** Oldest first. */
  history(): Promise<readonly LifecycleEvent[]>;
  signal(name: string, payload: unknown): Promise<void>;
}

/** Talks to a model's lifecycle workflow, whichever of its runs is the current one. */
export function lifecycleOf(client: Client, namespace: string, model: string): LifecycleClient {
  const workflowId = workflowIds.modelLifecycle(namespace, model);
  const handle = client.workflow.getHandle(workflowId);
  return {
    workflowId,
    state: () => handle.query<LifecycleState>(lifecycleQueries.state),
    history: () => handle.query<LifecycleEvent[]>(lifecycleQueries.history),
    signal: (name, payload) => handle.signal(name, payload),
  };
}

/** Who the ledger names for what this command asked for. */
export function operatorName(): string {
  try {
    return `cli:${os.userInfo().username}`;
  } catch {
    // A container's user may have no name.
    return 'cli';
  }
}
