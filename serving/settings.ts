import { z } from 'zod';
import { accessSettingNames, accessShape, checkTogether } from '../src/infra/access/access-settings.ts';
import { readSettings, type Environment } from '../src/infra/settings.ts';
import { backendNames } from '../src/tensorflow/tensorflow-backend.ts';
import { cacheKinds } from '../src/define/model.ts';
import { objectivesDefault } from './request-metrics.ts';
import { placementPolicies } from './session-host/session-host.ts';
import { executionProviders } from './session-host/session.ts';

const positive = (max: number) => z.coerce.number().int().min(1).max(max);
const milliseconds = (max: number) => z.coerce.number().min(0).max(max);
const share = z.coerce.number().gt(0, 'expected a share above 0 and below 1').lt(1, 'expected a share above 0 and below 1');
const HOUR_MS = 3_600_000;
const PROCESSES_MAX = 64;

const shape = {
  ...accessShape,
  host: z.string().min(1).default('127.0.0.1'),
  port: z.coerce.number().int().min(0).max(65_535).default(7480),
  grpcPort: z.coerce.number().int().min(0).max(65_535).default(7481),
  process: z.string().min(1).max(200).optional(),
  processes: z.union([z.literal('auto'), positive(PROCESSES_MAX)]).default(1),
  retireMs: z.coerce.number().int().min(0).max(HOUR_MS).default(250),
  bodyBytesMax: positive(64 * 1024 * 1024).default(1024 * 1024),
  instancesMax: positive(100_000).default(1_000),
  onlineEntitiesMax: positive(100_000).default(1_000),
  onlineKeysMax: positive(100_000).default(4_096),
  historicalRowsMax: positive(100_000).default(1_000),
  historicalTimeoutMs: positive(HOUR_MS).default(10_000),
  bulkRequestsMax: positive(1_000).default(8),
  bulkLinesMax: positive(100_000).default(1_024),
  bulkLineBytesMax: positive(64 * 1024 * 1024).default(64 * 1024),
  bulkIdleMs: positive(HOUR_MS).default(30_000),
  timeoutMs: positive(HOUR_MS).default(1_000),
  timeoutMsMax: positive(HOUR_MS).default(30_000),
  headersTimeoutMs: positive(HOUR_MS).default(5_000),
  keepAliveMs: positive(HOUR_MS).default(72_000),
  fastLane: z.enum(['on', 'off']).default('on'),
  turnMs: milliseconds(1_000).default(0.5),
  connectionsMax: positive(1_000_000).default(10_000),
  drainTimeoutMs: positive(HOUR_MS).default(10_000),
  queueRowsMax: positive(1_000_000).default(4_096),
  minimumWaitMs: milliseconds(1_000).default(0),
  concurrency: z.enum(['off', 'adaptive']).default('off'),
  concurrencyMin: positive(100_000).default(16),
  concurrencyMax: positive(100_000).default(1_000),
  shadowRowsMax: positive(1_000_000).default(2_048),
  cache: z.enum(cacheKinds).default('off'),
  cacheRowsMax: positive(10_000_000).default(100_000),
  cacheTtlMs: positive(24 * HOUR_MS).default(60_000),
  placement: z.enum(placementPolicies).default('auto'),
  providers: z
    .string()
    .default('cuda,cpu')
    .transform((text) => text.split(',').map((name) => name.trim()))
    .pipe(z.array(z.enum(executionProviders)).min(1)),
  tensorflowBackends: z
    .string()
    .default(backendNames.join(','))
    .transform((text) => text.split(',').map((name) => name.trim()))
    .pipe(z.array(z.enum(backendNames)).min(1)),
  tensorflowAddon: z.string().min(1).optional(),
  openTimeoutMs: positive(HOUR_MS).default(60_000),
  runTimeoutMs: positive(HOUR_MS).default(5_000),
  allocationPollMs: positive(HOUR_MS).default(500),
  reportEveryMs: positive(HOUR_MS).default(2_000),
  decisionsMax: positive(10_000_000).default(20_000),
  decisionsRecent: positive(1_000_000).default(2_000),
  whenDecisionsFull: z.enum(['refuse', 'count']).default('refuse'),
  objectiveLatencyMs: positive(HOUR_MS).default(objectivesDefault.objectiveLatencyMs),
  objectiveLatency: share.default(objectivesDefault.objectiveLatency),
  objectiveErrors: share.default(objectivesDefault.objectiveErrors),
};

const accessNames = accessSettingNames('SERVING');
const schema = z.object(shape).superRefine((settings, context) => {
  checkTogether(settings, accessNames, context);
  const { concurrencyMin, concurrencyMax } = settings;
  if (concurrencyMin <= concurrencyMax) return;
  context.addIssue({ code: 'custom', path: ['concurrencyMin'], message: `expected at most ${concurrencyMax} (MILLRACE_SERVING_CONCURRENCY_MAX), found ${concurrencyMin}` });
});

/** Settings of a serving process; docs/serving.md says what each is for. */
export type ServingSettings = Readonly<z.output<typeof schema>>;

export const servingSettingNames = {
  ...accessNames,
  host: 'MILLRACE_SERVING_HOST',
  port: 'MILLRACE_SERVING_PORT',
  grpcPort: 'MILLRACE_SERVING_GRPC_PORT',
  process: 'MILLRACE_SERVING_PROCESS',
  processes: 'MILLRACE_SERVING_PROCESSES',
  retireMs: 'MILLRACE_SERVING_RETIRE_MS',
  bodyBytesMax: 'MILLRACE_SERVING_BODY_BYTES_MAX',
  instancesMax: 'MILLRACE_SERVING_INSTANCES_MAX',
  onlineEntitiesMax: 'MILLRACE_SERVING_ONLINE_ENTITIES_MAX',
  onlineKeysMax: 'MILLRACE_SERVING_ONLINE_KEYS_MAX',
  historicalRowsMax: 'MILLRACE_SERVING_HISTORICAL_ROWS_MAX',
  historicalTimeoutMs: 'MILLRACE_SERVING_HISTORICAL_TIMEOUT_MS',
  bulkRequestsMax: 'MILLRACE_SERVING_BULK_REQUESTS_MAX',
  bulkLinesMax: 'MILLRACE_SERVING_BULK_LINES_MAX',
  bulkLineBytesMax: 'MILLRACE_SERVING_BULK_LINE_BYTES_MAX',
  bulkIdleMs: 'MILLRACE_SERVING_BULK_IDLE_MS',
  timeoutMs: 'MILLRACE_SERVING_TIMEOUT_MS',
  timeoutMsMax: 'MILLRACE_SERVING_TIMEOUT_MS_MAX',
  headersTimeoutMs: 'MILLRACE_SERVING_HEADERS_TIMEOUT_MS',
  connectionsMax: 'MILLRACE_SERVING_CONNECTIONS_MAX',
  keepAliveMs: 'MILLRACE_SERVING_KEEP_ALIVE_MS',
  fastLane: 'MILLRACE_SERVING_FAST_LANE',
  turnMs: 'MILLRACE_SERVING_TURN_MS',
  drainTimeoutMs: 'MILLRACE_SERVING_DRAIN_TIMEOUT_MS',
  queueRowsMax: 'MILLRACE_SERVING_QUEUE_ROWS_MAX',
  minimumWaitMs: 'MILLRACE_SERVING_MINIMUM_WAIT_MS',
  concurrency: 'MILLRACE_SERVING_CONCURRENCY',
  concurrencyMin: 'MILLRACE_SERVING_CONCURRENCY_MIN',
  concurrencyMax: 'MILLRACE_SERVING_CONCURRENCY_MAX',
  shadowRowsMax: 'MILLRACE_SERVING_SHADOW_ROWS_MAX',
  cache: 'MILLRACE_SERVING_CACHE',
  cacheRowsMax: 'MILLRACE_SERVING_CACHE_ROWS_MAX',
  cacheTtlMs: 'MILLRACE_SERVING_CACHE_TTL_MS',
  placement: 'MILLRACE_SERVING_PLACEMENT',
  providers: 'MILLRACE_SERVING_PROVIDERS',
  tensorflowBackends: 'MILLRACE_SERVING_TENSORFLOW_BACKENDS',
  tensorflowAddon: 'MILLRACE_TENSORFLOW_ADDON',
  openTimeoutMs: 'MILLRACE_SERVING_OPEN_TIMEOUT_MS',
  runTimeoutMs: 'MILLRACE_SERVING_RUN_TIMEOUT_MS',
  allocationPollMs: 'MILLRACE_SERVING_ALLOCATION_POLL_MS',
  reportEveryMs: 'MILLRACE_SERVING_REPORT_EVERY_MS',
  decisionsMax: 'MILLRACE_SERVING_DECISIONS_MAX',
  decisionsRecent: 'MILLRACE_SERVING_DECISIONS_RECENT',
  whenDecisionsFull: 'MILLRACE_SERVING_WHEN_DECISIONS_FULL',
  objectiveLatencyMs: 'MILLRACE_SERVING_OBJECTIVE_LATENCY_MS',
  objectiveLatency: 'MILLRACE_SERVING_OBJECTIVE_LATENCY',
  objectiveErrors: 'MILLRACE_SERVING_OBJECTIVE_ERRORS',
} as const;

/** @throws MillraceError CONFIG_INVALID naming every wrong variable */
export function loadServingSettings(environment: Environment): ServingSettings {
  return readSettings(schema, servingSettingNames, environment);
}
