import { isMillraceError, messageOf, MillraceError } from '../core/millrace-error.ts';

/** Classes of SQLSTATE that pass by themselves: connection, resources, operator intervention, serialization. */
const passing = /^(08|53|57|40|55P03)/;

/** Translates what the driver throws; a MillraceError stays what it is. */
export function translatePostgresError(error: unknown, doing: string): Error {
  if (isMillraceError(error)) return error;
  const state = sqlState(error);
  if (state === undefined || passing.test(state)) {
    return new MillraceError(
      'STORE_UNAVAILABLE',
      `Postgres did not answer while ${doing}: ${messageOf(error)}. Check that it runs and that MILLRACE_POSTGRES_URL is right.`,
      { cause: error },
    );
  }
  return new MillraceError('STORE_QUERY_FAILED', `Postgres refused ${doing} (${state}): ${messageOf(error)}.`, {
    cause: error,
    details: { sqlState: state },
  });
}

/** SQLSTATE of a driver error or of the error that caused it, or undefined. */
export function sqlState(error: unknown): string | undefined {
  if (error === null || typeof error !== 'object') return undefined;
  if ('code' in error && typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code)) return error.code;
  return 'cause' in error ? sqlState(error.cause) : undefined;
}
