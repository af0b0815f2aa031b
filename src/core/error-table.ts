export interface ErrorKind {
  /** HTTP status that an HTTP edge answers with. */
  readonly httpStatus: number;
  /** Whether the same call may succeed later without a change by the caller. */
  readonly retryable: boolean;
  /** What causes it, one sentence; docs/errors.md is held against it by a test. */
  readonly summary: string;
}

const kind = (httpStatus: number, retryable: boolean, summary: string): ErrorKind => ({
  httpStatus,
  retryable,
  summary,
});

/** Every expected failure of Millrace. A code starts with the subsystem that raises it. */
export const errorTable = {
  CONFIG_INVALID: kind(500, false, 'A setting is missing or has a value outside its range.'),
  REQUEST_INVALID: kind(400, false, 'A request does not have the shape that the endpoint takes.'),
  ARTIFACT_CORRUPT: kind(500, false, 'A file of the artifact store does not have the digest that names it.'),
  ARTIFACT_NOT_FOUND: kind(404, false, 'A file that is referred to by digest is not in the artifact store.'),
  MIGRATION_DATABASE_AHEAD: kind(500, false, 'The database was migrated by a newer Millrace.'),
  PROJECT_NOT_LOADED: kind(500, false, 'The project file could not be imported, or exports no project.'),
  STORE_QUERY_FAILED: kind(500, false, 'Postgres refused a statement.'),
  STORE_UNAVAILABLE: kind(503, true, 'Postgres or Redis did not answer.'),
  STREAM_UNAVAILABLE: kind(503, true, 'Kafka did not answer, or refused for a reason that passes.'),
  STREAM_REFUSED: kind(500, false, 'Kafka refused a request for a reason that stays.'),
  TEMPORAL_UNAVAILABLE: kind(503, true, 'Temporal did not answer.'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorTable;
