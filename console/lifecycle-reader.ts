import type { Client } from '@temporalio/client';
import { createLifecycleClient } from '../src/client/lifecycle-client.ts';
import type { LifecycleClient } from '../src/client/millrace-client.ts';
import type { LifecycleEvent, LifecycleState } from '../src/contracts/lifecycle.ts';
import type { ShadowComparison } from '../src/contracts/shadow-comparison.ts';
import type { Names } from '../src/contracts/names.ts';
import type { Model } from '../src/define/model.ts';
import { newestRollout, shadowComparison } from '../src/infra/newest-comparison.ts';
import { translateTemporalError } from '../src/infra/temporal-error.ts';
import { connectTemporal, type TemporalServer, type TemporalClient } from '../src/infra/temporal.ts';

/** Temporal itself gives up on a query that no worker answers after this long. */
const QUERY_DEADLINE_MS = 10_000;

/** What a shadow answered beside the champion, in the newest rollout of a model. */
export interface RolloutComparison {
  readonly workflowId: string;
  readonly version: number;
  readonly isRunning: boolean;
  readonly comparison: ShadowComparison;
}

/** What the lifecycle workflows say of themselves. */
export interface LifecycleReader {
  /** Null where it does not run. @throws MillraceError TEMPORAL_UNAVAILABLE */
  state(model: string): Promise<LifecycleState | null>;
  /** Oldest first. @throws MillraceError TEMPORAL_UNAVAILABLE, WORKFLOW_NOT_RUNNING */
  history(model: string): Promise<readonly LifecycleEvent[]>;
  /** Null where no rollout has compared answers of a shadow. @throws MillraceError TEMPORAL_UNAVAILABLE, WORKFLOW_NOT_RUNNING */
  comparison(model: string): Promise<RolloutComparison | null>;
  close(): Promise<void>;
}

/** Connects when it is first asked, and again after an attempt that failed: the console starts without Temporal. */
export function openLifecycleReader(
  target: TemporalServer,
  names: Names,
  models: readonly Model[],
): LifecycleReader {
  let connection: Promise<TemporalClient> | undefined;
  const underway = new Set<Promise<unknown>>();
  const compared = new ComparedRollouts(names.namespace);
  const connect = (): Promise<TemporalClient> =>
    (connection ??= connectTemporal(target).catch((error: unknown) => {
      connection = undefined;
      throw error;
    }));
  const ask = <T>(doing: string, query: (lifecycles: LifecycleClient) => Promise<T>): Promise<T> =>
    reach(doing, (client) => query(createLifecycleClient(client, names, models)));
  const reach = async <T>(doing: string, query: (client: Client) => Promise<T>): Promise<T> => {
    try {
      const { client } = await connect();
      return await withDeadline(client, () => query(client));
    } catch (error) {
      throw translateTemporalError(error, doing);
    }
  };
  const counted = <T>(asking: Promise<T>): Promise<T> => {
    underway.add(asking);
    const done = () => underway.delete(asking);
    asking.then(done, done);
    return asking;
  };
  return {
    state: (model) =>
      counted(
        ask(`asking for the lifecycle of '${model}'`, (lifecycles) => lifecycles.lifecycleState(model)),
      ),
    history: (model) =>
      counted(
        ask(`asking for the history of '${model}'`, (lifecycles) => lifecycles.lifecycleHistory(model)),
      ),
    comparison: (model) =>
      counted(reach(`asking for the newest rollout of '${model}'`, (client) => compared.of(client, model))),
    async close() {
      // The client asks again after a failure, and throws out of a timer where its connection is closed by then.
      await Promise.allSettled(underway);
      await (await connection?.catch(() => undefined))?.close();
    },
  };
}

/** An ended rollout says the same for ever, and would be replayed for each time that it is asked. */
class ComparedRollouts {
  readonly #namespace: string;
  readonly #ended = new Map<string, { readonly workflowId: string; readonly comparison: ShadowComparison | null }>();

  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  async of(client: Client, model: string): Promise<RolloutComparison | null> {
    const rollout = await newestRollout(client, this.#namespace, model);
    if (rollout === null) return null;
    const remembered = this.#ended.get(model);
    const isKnown = !rollout.isRunning && remembered?.workflowId === rollout.workflowId;
    const comparison = isKnown ? remembered.comparison : await shadowComparison(client, rollout.workflowId);
    if (!rollout.isRunning) this.#ended.set(model, { workflowId: rollout.workflowId, comparison });
    return comparison === null ? null : { ...rollout, comparison };
  }
}

const withDeadline = <T>(client: Client, query: () => Promise<T>): Promise<T> =>
  client.withDeadline(Date.now() + QUERY_DEADLINE_MS, query);
