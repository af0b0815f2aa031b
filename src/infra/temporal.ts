import { Client, Connection } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { messageOf, MillraceError } from '../core/millrace-error.ts';
import type { Logger } from './logger.ts';
import type { TemporalTracing } from './temporal-tracing.ts';

export interface TemporalAddress {
  readonly address: string;
  readonly namespace: string;
}

export interface TemporalClient {
  readonly client: Client;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
const WORKER_RETRY_MS = 1_000;
const WORKER_ATTEMPTS_MAX = 60;

/**
 * @param tracing what it starts and signals goes on with the trace of whoever does so
 * @throws MillraceError TEMPORAL_UNAVAILABLE
 */
export async function connectTemporal(target: TemporalAddress, tracing?: TemporalTracing): Promise<TemporalClient> {
  try {
    const connection = await Connection.connect({ address: target.address, connectTimeout: CONNECT_TIMEOUT_MS });
    return { client: new Client({ connection, namespace: target.namespace, ...tracing?.client }), close: () => connection.close() };
  } catch (cause) {
    throw unavailable(target, cause);
  }
}

/** Connection of a worker; waits while the server is away, since a worker that starts first is no error. */
export async function connectTemporalWorker(target: TemporalAddress, logger: Logger): Promise<NativeConnection> {
  // Loaded here: the native part of the SDK is large, and clients have no use for it.
  const worker = await import('@temporalio/worker');
  for (let attempt = 1; ; attempt++) {
    try {
      return await worker.NativeConnection.connect({ address: target.address });
    } catch (cause) {
      if (attempt === WORKER_ATTEMPTS_MAX) throw unavailable(target, cause);
      logger.warn({ attempt, address: target.address }, 'Temporal is not there yet');
      await new Promise((resolve) => setTimeout(resolve, WORKER_RETRY_MS));
    }
  }
}

function unavailable(target: TemporalAddress, cause: unknown): MillraceError {
  return new MillraceError(
    'TEMPORAL_UNAVAILABLE',
    `Temporal did not answer at '${target.address}': ${messageOf(cause)}. Start it with 'millrace up' or set MILLRACE_TEMPORAL_ADDRESS.`,
    { cause },
  );
}
