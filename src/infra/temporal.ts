import { Client, Connection, type ConnectionOptions } from '@temporalio/client';
import type { NativeConnection } from '@temporalio/worker';
import { messageOf, MillraceError } from '../core/millrace-error.ts';
import type { Logger } from './logger.ts';
import type { TemporalSecurity } from './server-security.ts';
import type { TemporalTracing } from './temporal-tracing.ts';

export interface TemporalServer {
  readonly address: string;
  readonly namespace: string;
  /** Absent: plain text, and nobody asks who we are. */
  readonly security?: TemporalSecurity;
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
export async function connectTemporal(target: TemporalServer, tracing?: TemporalTracing): Promise<TemporalClient> {
  try {
    const connection = await openTemporal(target);
    return { client: new Client({ connection, namespace: target.namespace, ...tracing?.client }), close: () => connection.close() };
  } catch (cause) {
    throw unavailable(target, cause);
  }
}

/** The connection alone; what it throws is the driver's own. */
export const openTemporal = (target: Omit<TemporalServer, 'namespace'>): Promise<Connection> =>
  Connection.connect({ address: target.address, connectTimeout: CONNECT_TIMEOUT_MS, ...secured(target.security) });

/** Connection of a worker; waits while the server is away, since a worker that starts first is no error. */
export async function connectTemporalWorker(target: TemporalServer, logger: Logger): Promise<NativeConnection> {
  // Loaded here: the native part of the SDK is large, and clients have no use for it.
  const worker = await import('@temporalio/worker');
  for (let attempt = 1; ; attempt++) {
    try {
      return await worker.NativeConnection.connect({ address: target.address, ...secured(target.security) });
    } catch (cause) {
      if (attempt === WORKER_ATTEMPTS_MAX) throw unavailable(target, cause);
      logger.warn({ attempt, address: target.address, reason: messageOf(cause) }, 'Temporal is not there yet');
      await new Promise((resolve) => setTimeout(resolve, WORKER_RETRY_MS));
    }
  }
}

function secured({ tls, apiKey }: TemporalSecurity = {}): Pick<ConnectionOptions, 'tls'> & { apiKey?: string } {
  if (tls === undefined) return {};
  const { ca, cert, key, servername } = tls;
  return {
    tls: {
      ...(ca === undefined ? {} : { serverRootCACertificate: Buffer.from(ca) }),
      ...(cert === undefined || key === undefined ? {} : { clientCertPair: { crt: Buffer.from(cert), key: Buffer.from(key) } }),
      ...(servername === undefined ? {} : { serverNameOverride: servername }),
    },
    ...(apiKey === undefined ? {} : { apiKey }),
  };
}

function unavailable(target: TemporalServer, cause: unknown): MillraceError {
  return new MillraceError(
    'TEMPORAL_UNAVAILABLE',
    `Temporal did not answer at '${target.address}': ${messageOf(cause)}. ` +
      "Start it with 'millrace up', or check MILLRACE_TEMPORAL_ADDRESS, and MILLRACE_TEMPORAL_TLS with what goes with it.",
    { cause },
  );
}
