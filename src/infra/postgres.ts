import type { Socket } from 'node:net';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFromQuery, to as copyToQuery } from 'pg-copy-streams';
import type { Logger } from './logger.ts';
import { translatePostgresError } from './postgres-error.ts';

export type SqlValue = string | number | boolean | null | Uint8Array | Date | readonly SqlValue[];

export interface Queryable {
  /** Rows of one statement. Numbers: int8 and numeric come as text unless cast in the SQL. */
  query<R extends object>(text: string, values?: readonly SqlValue[]): Promise<R[]>;
  /** Rows as arrays, for wide or many rows. */
  queryArrays(text: string, values?: readonly SqlValue[]): Promise<unknown[][]>;
  /** The bytes of `COPY (...) TO STDOUT`, handed to `onChunk` with backpressure. */
  copyOut(text: string, onChunk: (chunk: Buffer) => void | Promise<void>): Promise<void>;
  /** Sends bytes to `COPY ... FROM STDIN`. */
  copyIn(text: string, chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>): Promise<void>;
}

export interface Postgres extends Queryable {
  /** Runs `work` in one transaction: committed when it resolves, rolled back when it rejects. */
  transaction<T>(work: (tx: Queryable) => Promise<T>): Promise<T>;
  /** Calls `onMessage` for each NOTIFY and after each reconnection (payload null: something may have been missed). */
  listen(channel: string, onMessage: (payload: string | null) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

export interface PostgresOptions {
  readonly url: string;
  readonly applicationName: string;
  readonly logger: Logger;
  readonly poolMax?: number;
  readonly statementTimeoutMs?: number;
  /**
   * How long either end waits for the other: a connection at work that brings no byte is given up here, and the
   * server ends a transaction, with its locks, for which nothing comes. By default a little over the statement's limit.
   */
  readonly silenceMsMax?: number;
}

const POOL_MAX_DEFAULT = 8;
const STATEMENT_TIMEOUT_MS_DEFAULT = 120_000;
const CONNECT_TIMEOUT_MS = 5_000;
/** By then the server has answered that a statement took too long, if it is there at all. */
const SILENCE_OVER_STATEMENT_MS = 5_000;
const LISTEN_RETRY_MS = 500;

export function createPostgres(options: PostgresOptions): Postgres {
  const statementTimeoutMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS_DEFAULT;
  const silenceMsMax = options.silenceMsMax ?? statementTimeoutMs + SILENCE_OVER_STATEMENT_MS;
  const settings: pg.PoolConfig = {
    connectionString: options.url,
    application_name: options.applicationName,
    max: options.poolMax ?? POOL_MAX_DEFAULT,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementTimeoutMs,
    idle_in_transaction_session_timeout: silenceMsMax,
    options: '-c timezone=UTC',
    keepAlive: true,
  };
  const pool = new pg.Pool(settings);
  // Without a listener an idle connection that dies ends the process.
  pool.on('error', (error) => options.logger.warn({ err: error }, 'idle Postgres connection lost'));

  async function withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await pool.connect().catch((error: unknown) => {
      throw translatePostgresError(error, 'connecting');
    });
    const onError = (error: Error): void => options.logger.warn({ err: error }, 'Postgres connection lost');
    client.on('error', onError);
    const unwatch = watchSilence(client, silenceMsMax);
    let broken: Error | undefined;
    try {
      return await work(client);
    } catch (error) {
      const translated = translatePostgresError(error, 'running a statement');
      if (translated.message.startsWith('Postgres did not answer')) broken = translated;
      throw translated;
    } finally {
      unwatch();
      client.off('error', onError);
      client.release(broken);
    }
  }

  return {
    query: (text, values) => withClient((client) => queryable(client).query(text, values)),
    queryArrays: (text, values) => withClient((client) => queryable(client).queryArrays(text, values)),
    copyOut: (text, onChunk) => withClient((client) => queryable(client).copyOut(text, onChunk)),
    copyIn: (text, chunks) => withClient((client) => queryable(client).copyIn(text, chunks)),
    transaction: (work) =>
      withClient(async (client) => {
        await client.query('BEGIN');
        try {
          const result = await work(queryable(client));
          await client.query('COMMIT');
          return result;
        } catch (error) {
          // The connection may be the reason; what matters is the first error.
          await client.query('ROLLBACK').catch(() => undefined);
          throw error;
        }
      }),
    listen: (channel, onMessage) => listen(settings, channel, onMessage, options.logger),
    close: () => pool.end(),
  };
}

/**
 * Breaks a connection from which nothing has come for `limitMs` to twice that: a peer that went away without a word
 * would be waited for until TCP gives up, a quarter of an hour at best. The driver's own limit of a query knows
 * nothing of COPY and leaves the connection in use.
 */
function watchSilence(client: pg.PoolClient, limitMs: number): () => void {
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Socket } }).connection;
  let before = stream.bytesRead;
  const check = (): void => {
    if (stream.bytesRead === before) {
      stream.destroy(new Error(`no sign of life for ${limitMs} ms`));
      return;
    }
    before = stream.bytesRead;
    timer = setTimeout(check, limitMs).unref();
  };
  let timer = setTimeout(check, limitMs).unref();
  return () => clearTimeout(timer);
}

function queryable(client: pg.PoolClient): Queryable {
  return {
    async query<R extends object>(text: string, values: readonly SqlValue[] = []) {
      return (await client.query<R>(text, values as unknown[])).rows;
    },
    async queryArrays(text, values = []) {
      return (await client.query<unknown[]>({ text, values: values as unknown[], rowMode: 'array' })).rows;
    },
    async copyOut(text, onChunk) {
      const sink = new Writable({
        write(chunk: Buffer, _encoding, done) {
          Promise.resolve(onChunk(chunk)).then(() => done(), done);
        },
      });
      await pipeline(client.query(copyToQuery(text)), sink);
    },
    async copyIn(text, chunks) {
      await pipeline(Readable.from(chunks, { objectMode: false }), client.query(copyFromQuery(text)));
    },
  };
}

async function listen(
  settings: pg.PoolConfig,
  channel: string,
  onMessage: (payload: string | null) => void,
  logger: Logger,
): Promise<() => Promise<void>> {
  let closed = false;
  let current: pg.Client | undefined;
  let retry: NodeJS.Timeout | undefined;

  const connect = async (): Promise<void> => {
    const client = new pg.Client(settings);
    client.on('error', (error) => logger.warn({ err: error, channel }, 'Postgres notifications interrupted'));
    client.on('end', () => {
      if (!closed) retry = setTimeout(() => void reconnect(), LISTEN_RETRY_MS);
    });
    client.on('notification', (message) => onMessage(message.payload ?? ''));
    await client.connect();
    await client.query(`LISTEN ${pg.escapeIdentifier(channel)}`);
    current = client;
  };
  const reconnect = async (): Promise<void> => {
    try {
      await connect();
      onMessage(null);
    } catch (error) {
      logger.warn({ err: error, channel }, 'Postgres notifications still away');
      if (!closed) retry = setTimeout(() => void reconnect(), LISTEN_RETRY_MS);
    }
  };
  await connect().catch((error: unknown) => {
    throw translatePostgresError(error, `listening to '${channel}'`);
  });
  return async () => {
    closed = true;
    clearTimeout(retry);
    await current?.end().catch(() => undefined);
  };
}

/** Quotes a table or column name. */
export const quoteIdentifier = (name: string): string => pg.escapeIdentifier(name);
