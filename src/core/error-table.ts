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
  FEATURE_SQL_UNSUPPORTED: kind(501, false, 'An aggregation of a feature view has no SQL form, so its features can not be recomputed from raw rows.'),
  FEATURE_VIEW_NOT_FOUND: kind(404, false, 'The named version of a feature view is not part of the project.'),
  FEATURE_ON_DEMAND_FAILED: kind(500, false, 'The function of an on-demand feature threw.'),
  MIGRATION_DATABASE_AHEAD: kind(500, false, 'The database was migrated by a newer Millrace.'),
  PROCESS_UNREACHABLE: kind(503, true, 'The gateway or a serving process does not answer at its address.'),
  PROJECT_INVALID: kind(500, false, 'The definitions of a project contradict one another or break a rule.'),
  PLAN_SOURCE_INCOMPATIBLE: kind(409, false, 'A source changed in a way that the events it has do not fit.'),
  PLAN_TOPIC_INCOMPATIBLE: kind(409, false, 'A topic exists with another number of partitions than its definition has.'),
  PLAN_VIEW_CHANGED: kind(409, false, 'A feature view changed and kept its version.'),
  PROJECT_NOT_LOADED: kind(500, false, 'The project file could not be imported, or exports no project.'),
  STACK_ABORTED: kind(503, true, 'Starting the servers was interrupted.'),
  STACK_BUSY: kind(503, true, 'Another process is starting, stopping or building the same servers.'),
  STACK_DATA_INCOMPATIBLE: kind(500, false, 'The data directory was written by another major version of a server.'),
  STACK_PORT_BUSY: kind(500, false, 'A port that the environment demands is taken by another program.'),
  STACK_SERVER_FAILED: kind(503, true, 'A server of the stack ended or did not answer in time while it was started.'),
  STACK_SERVER_UNAVAILABLE: kind(503, false, 'A server of the stack was found nowhere and could not be fetched or built.'),
  STACK_STATE_INVALID: kind(500, false, "The stack's state file is not one, or is of another version."),
  STACK_TOOL_FAILED: kind(500, false, 'A program that fetches, builds or unpacks a server failed.'),
  STATE_CORRUPT: kind(500, false, 'The bytes of an online state are damaged, or were written for another definition of its view.'),
  STATUS_TIMED_OUT: kind(503, true, 'A part of the status did not come in time.'),
  STORE_NOT_VISIBLE: kind(503, true, 'Events that a caller waits for did not become visible in the online store in time.'),
  STORE_POSITION_CORRUPT: kind(500, false, 'The position of a view partition in Redis is not one that Millrace wrote.'),
  STORE_QUERY_FAILED: kind(500, false, 'Postgres refused a statement.'),
  STORE_REBUILD_BUSY: kind(409, true, 'A view partition is being rebuilt from the offline log by another process.'),
  STORE_UNAVAILABLE: kind(503, true, 'Postgres or Redis did not answer.'),
  STREAM_EVENT_EARLY: kind(400, false, 'The event time of an event lies after its known time by more than the clock skew of its source.'),
  STREAM_EVENT_INVALID: kind(400, false, 'The payload of an event does not fit the schema of its source.'),
  STREAM_EVENT_MALFORMED: kind(400, false, 'A message of a source is empty or not JSON.'),
  STREAM_EVENT_OVERSIZED: kind(413, false, 'The payload of an event is larger than the limit.'),
  STREAM_FRAME_CORRUPT: kind(500, false, 'A message of a view topic is damaged, or was written for another definition of its view.'),
  STREAM_GAP: kind(500, false, 'Kafka no longer has events that the offline log does not have yet, or its topic was made anew.'),
  STREAM_NOT_APPLIED: kind(500, false, 'A source has no ingest position: the project was not applied.'),
  STREAM_OVERLOADED: kind(429, true, 'The gateway has as many events in flight as it takes, because Kafka is slow.'),
  STREAM_SOURCE_NOT_FOUND: kind(404, false, 'The named source is not part of the project.'),
  STREAM_UNAVAILABLE: kind(503, true, 'Kafka did not answer, or refused for a reason that passes.'),
  STREAM_REPLAY_INVALID: kind(400, false, 'A file of events to replay can not be read, or a line of it is no event.'),
  STREAM_REFUSED: kind(500, false, 'Kafka refused a request for a reason that stays.'),
  TEMPORAL_UNAVAILABLE: kind(503, true, 'Temporal did not answer.'),
  WAIT_TIMED_OUT: kind(503, true, 'What a command waits for did not come within its --timeout.'),
  WORKFLOW_FAILED: kind(500, false, 'A workflow ended with a failure that is none of this table.'),
  WORKFLOW_NOT_RUNNING: kind(404, false, 'A workflow is asked for something and does not run.'),
  DECISION_NOT_FOUND: kind(404, false, 'No decision has this id, or it is not stored yet.'),
  MODEL_NOT_FOUND: kind(404, false, 'The project, or the registry, has no model of this name.'),
  MODEL_NOT_READY: kind(503, true, 'No version of the model takes traffic yet, or it is still loading.'),
  REQUEST_TOO_LARGE: kind(413, false, 'A request body is longer than the endpoint takes.'),
  SERVING_DEADLINE_EXCEEDED: kind(504, true, 'A prediction could not be, or was not, ready by its deadline.'),
  SERVING_DECISION_LOG_FULL: kind(503, true, 'Decisions could not be stored for so long that no more predictions are answered.'),
  SERVING_DRAINING: kind(503, true, 'The serving process is shutting down and takes no more requests.'),
  SERVING_OVERLOADED: kind(429, true, 'The queue of the model version is full.'),
  SERVING_SCORE_INVALID: kind(500, false, 'A model answered a score that is not a finite number.'),
  SERVING_SESSION_FAILED: kind(500, false, 'ONNX Runtime refused to open or to run a model.'),
  SERVING_SESSION_LOST: kind(503, true, 'The process that ran a model crashed or hung; it is restarted.'),
  SERVING_VERSION_REJECTED: kind(409, false, 'A model version failed its checks before traffic: checksum, signature, golden batch or feature service.'),
  TRAINING_BACKEND_UNAVAILABLE: kind(500, false, 'No TensorFlow.js backend could be loaded.'),
  TRAINING_DATA_INSUFFICIENT: kind(422, false, 'A part of the split holds too few examples, or one class only.'),
  TRAINING_DIVERGED: kind(500, false, 'The loss of a training run stopped being a number.'),
  TRAINING_EXPORT_MISMATCH: kind(500, false, 'The exported ONNX model does not give the scores of the trained one.'),
  TRAINING_PROCESS_DIED: kind(500, true, 'The child process of a training run ended without a result.'),
  TRAINING_SET_CORRUPT: kind(500, false, 'The bytes of a training set are damaged, or reach beyond its data cut.'),
  MODEL_BUNDLE_CORRUPT: kind(500, false, 'A file of a model version is missing, changed or unreadable.'),
  MODEL_VERSION_NOT_FOUND: kind(404, false, 'A model version is named that was never registered.'),
  REGISTRY_REVISION_CONFLICT: kind(409, false, 'An allocation was changed by somebody else since it was read.'),
  SERVING_NOT_REPORTING: kind(503, true, 'No serving process has loaded a version within the wait.'),
  TRAINING_NO_EXAMPLES: kind(409, false, 'A model has no labelled example known at the data cut.'),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorTable;
