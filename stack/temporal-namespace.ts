import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@temporalio/client';
import { messageOf, MillraceError } from '../src/core/millrace-error.ts';
import { searchAttributes } from '../src/contracts/lifecycle.ts';
import { openTemporal, type TemporalServer } from '../src/infra/temporal.ts';

/** Temporal's numbers of the types that we use. */
const indexedValueTypes = { Keyword: 2, Int: 3 } as const;

/** Every search attribute of Millrace and its type. */
export const searchAttributeTypes: Readonly<Record<string, keyof typeof indexedValueTypes>> = {
  ...Object.fromEntries(Object.values(searchAttributes).map((name) => [name, 'Keyword' as const])),
  MillraceModelVersion: 'Int',
};

/** A namespace or attribute that was just made is known everywhere only after the server's caches have turned over. */
const KNOWN_LIMIT_MS = 30_000;
const POLL_MS = 100;
const RETENTION_SECONDS = 30 * 24 * 3600;

/** gRPC status codes. */
const ALREADY_EXISTS = 6;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;

/**
 * Makes the namespace and the search attributes where they are missing, on our own server or an external one, and
 * returns when they can be used.
 * @throws MillraceError STACK_SERVER_FAILED
 */
export async function ensureNamespaceAndSearchAttributes(server: TemporalServer): Promise<void> {
  const { address, namespace } = server;
  let connection: Connection | undefined;
  try {
    connection = await openTemporal(server);
    await ensureNamespace(connection, namespace);
    await ensureSearchAttributes(connection, namespace);
  } catch (cause) {
    throw new MillraceError(
      'STACK_SERVER_FAILED',
      `Temporal at '${address}' can't be prepared: namespace '${namespace}' with the search attributes ` +
        `${Object.keys(searchAttributeTypes).join(', ')}: ${messageOf(cause)}. ` +
        'Make them by hand, or allow this client to.',
      { cause },
    );
  } finally {
    await connection?.close();
  }
}

async function ensureNamespace(connection: Connection, namespace: string): Promise<void> {
  const exists = async (): Promise<boolean> => {
    try {
      await connection.workflowService.describeNamespace({ namespace });
      return true;
    } catch (error) {
      if (statusOf(error) === NOT_FOUND) return false;
      throw error;
    }
  };
  if (await exists()) return;
  await ignoring([ALREADY_EXISTS], () =>
    connection.workflowService.registerNamespace({
      namespace,
      workflowExecutionRetentionPeriod: { seconds: RETENTION_SECONDS as never },
    }),
  );
  await until(exists, `namespace '${namespace}' does not appear`);
}

/** Temporal Cloud keeps search attributes elsewhere: whoever has the account made them, and nobody can look. */
const NOT_FOR_CLIENTS = [PERMISSION_DENIED, UNIMPLEMENTED];

async function ensureSearchAttributes(connection: Connection, namespace: string): Promise<void> {
  const missing = async (): Promise<string[]> => {
    const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
    return Object.keys(searchAttributeTypes).filter((name) => !Object.hasOwn(customAttributes, name));
  };
  const names = await ignoring(NOT_FOR_CLIENTS, missing);
  if (names === undefined || names.length === 0) return;
  const types = names.map((name) => [name, indexedValueTypes[searchAttributeTypes[name] ?? 'Keyword']]);
  await ignoring([ALREADY_EXISTS], () =>
    connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: Object.fromEntries(types) as Record<string, 2 | 3>,
    }),
  );
  await until(async () => (await missing()).length === 0, 'the search attributes do not appear');
}

async function until(holds: () => Promise<boolean>, complaint: string): Promise<void> {
  const deadline = performance.now() + KNOWN_LIMIT_MS;
  while (!(await holds())) {
    if (performance.now() >= deadline) throw new Error(`${complaint} within ${KNOWN_LIMIT_MS / 1000} s`);
    await sleep(POLL_MS);
  }
}

async function ignoring<T>(statuses: readonly unknown[], call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (!statuses.includes(statusOf(error))) throw error;
    return undefined;
  }
}

function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}
