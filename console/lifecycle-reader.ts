import type { Client } from '@temporalio/client';
import { createLifecycleClient } from '../src/client/lifecycle-client.ts';
import type { LifecycleClient } from '../src/client/millrace-client.ts';
import type { LifecycleEvent, LifecycleState } from '../src/contracts/lifecycle.ts';
import type { Names } from '../src/contracts/names.ts';
import type { Model } from '../src/define/model.ts';
import { translateTemporalError } from '../src/infra/temporal-error.ts';
import { connectTemporal, type TemporalAddress, type TemporalClient } from '../src/infra/temporal.ts';

/** Temporal itself gives up on a query that no worker answers after this long. */
const QUERY_DEADLINE_MS = 10_000;

/** What the lifecycle workflows say of themselves. */
export interface LifecycleReader {
  /** Null where it does not run. @throws MillraceError TEMPORAL_UNAVAILABLE */
  state(model: string): Promise<LifecycleState | null>;
  /** Oldest first. @throws MillraceError TEMPORAL_UNAVAILABLE, WORKFLOW_NOT_RUNNING */
  history(model: string): Promise<readonly LifecycleEvent[]>;
  close(): Promise<void>;
}

/** Connects when it is first asked, and again after an attempt that failed: the console starts without Temporal. */
export function openLifecycleReader(
  target: TemporalAddress,
  names: Names,
  models: readonly Model[],
): LifecycleReader {
  let connection: Promise<TemporalClient> | undefined;
  const underway = new Set<Promise<unknown>>();
  const connect = (): Promise<TemporalClient> =>
    (connection ??= connectTemporal(target).catch((error: unknown) => {
      connection = undefined;
      throw error;
    }));
  const ask = async <T>(doing: string, query: (lifecycles: LifecycleClient) => Promise<T>): Promise<T> => {
    try {
      const { client } = await connect();
      return await withDeadline(client, () => query(createLifecycleClient(client, names, models)));
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
    async close() {
      // The client asks again after a failure, and throws out of a timer where its connection is closed by then.
      await Promise.allSettled(underway);
      await (await connection?.catch(() => undefined))?.close();
    },
  };
}

const withDeadline = <T>(client: Client, query: () => Promise<T>): Promise<T> =>
  client.withDeadline(Date.now() + QUERY_DEADLINE_MS, query);
