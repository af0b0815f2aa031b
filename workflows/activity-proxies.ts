import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';
import type {
  AuditActivities,
  MaterializeActivities,
  MonitorActivities,
  RegistryActivities,
  RolloutActivities,
  StreamActivities,
  TrainingActivities,
} from '../src/contracts/activities.ts';
import type { BackfillActivities } from '../src/contracts/backfill.ts';
import type { ColdLogActivities } from '../src/contracts/export-log.ts';
import type { HistoricalActivities } from '../src/contracts/historical.ts';
import { createNames } from '../src/contracts/names.ts';

/** Whatever is retried for ever is asked at least this often. */
const RETRY_MAX = '10s';

const retry = { initialInterval: '200ms', backoffCoefficient: 2, maximumInterval: RETRY_MAX } as const;

/** Short statements on the registry; retried until it answers. */
export const registryActivities = (namespace: string) =>
  proxyActivities<RegistryActivities>({
    taskQueue: createNames(namespace).taskQueue('orchestration'),
    startToCloseTimeout: '30s',
    retry,
  });

/** Looks at a rollout's step: two hours and a half at most, heartbeating, given up at once when cancelled. */
export const rolloutActivities = (namespace: string) =>
  proxyActivities<Omit<RolloutActivities, 'awaitServing'>>({
    taskQueue: createNames(namespace).taskQueue('orchestration'),
    startToCloseTimeout: '3h',
    heartbeatTimeout: '15s',
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    retry: { ...retry, maximumAttempts: 20 },
  });

/** Waits for serving: tried again while some process does not report, and given up by one deadline for all attempts. */
export const servingActivities = (namespace: string) =>
  proxyActivities<Pick<RolloutActivities, 'awaitServing'>>({
    taskQueue: createNames(namespace).taskQueue('orchestration'),
    scheduleToCloseTimeout: '10m',
    heartbeatTimeout: '15s',
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    retry,
  });

export const monitorActivities = (namespace: string) =>
  proxyActivities<MonitorActivities>({
    taskQueue: createNames(namespace).taskQueue('orchestration'),
    startToCloseTimeout: '10m',
    heartbeatTimeout: '60s',
    retry: { ...retry, maximumAttempts: 5 },
  });

/** Chunks of an audit: long queries, begun anew by a retry. */
export const auditActivities = (namespace: string) =>
  proxyActivities<AuditActivities>({
    taskQueue: createNames(namespace).taskQueue('orchestration'),
    startToCloseTimeout: '30m',
    heartbeatTimeout: '60s',
    cancellationType: ActivityCancellationType.TRY_CANCEL,
    retry: { ...retry, maximumAttempts: 10 },
  });

/** Training is expensive: a few attempts, and the old one must have ended before its place is free. */
export const trainingActivities = (namespace: string) =>
  proxyActivities<TrainingActivities>({
    taskQueue: createNames(namespace).taskQueue('training'),
    startToCloseTimeout: '2h',
    // Building a training set may keep the worker's thread busy for a good part of this.
    heartbeatTimeout: '60s',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { ...retry, initialInterval: '1s', maximumAttempts: 3 },
  });

/** Consumers run until cancelled; a worker that dies is noticed after the heartbeat timeout. */
export const streamActivities = (namespace: string) =>
  proxyActivities<StreamActivities>({
    taskQueue: createNames(namespace).taskQueue('stream'),
    startToCloseTimeout: '30d',
    heartbeatTimeout: '10s',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry,
  });

/** Single statements about the streams. */
export const streamControlActivities = (namespace: string) =>
  proxyActivities<Pick<StreamActivities, 'streamLag'>>({
    taskQueue: createNames(namespace).taskQueue('stream'),
    startToCloseTimeout: '30s',
    retry: { ...retry, maximumAttempts: 10 },
  });

/** Rewinds delete rows by the million in one transaction; a store that is away is asked again until it answers, as by consumers. */
export const rewindActivities = (namespace: string) =>
  proxyActivities<Pick<StreamActivities, 'rewindIngest'>>({
    taskQueue: createNames(namespace).taskQueue('stream'),
    startToCloseTimeout: '15m',
    heartbeatTimeout: '15s',
    retry,
  });

export const materializeActivities = (namespace: string) =>
  proxyActivities<MaterializeActivities>({
    taskQueue: createNames(namespace).taskQueue('stream'),
    startToCloseTimeout: '2h',
    heartbeatTimeout: '30s',
    retry,
  });

/** Slices of a backfill and what follows them: one that dies goes on, in another process, where it was. */
export const backfillActivities = (namespace: string) =>
  proxyActivities<BackfillActivities>({
    taskQueue: createNames(namespace).taskQueue('stream'),
    startToCloseTimeout: '15m',
    heartbeatTimeout: '15s',
    retry,
  });

/** A file of the cold log each: a day's rows are copied, sorted and written, or read again and deleted. */
export const coldLogActivities = (namespace: string) =>
  proxyActivities<ColdLogActivities>({
    taskQueue: createNames(namespace).taskQueue('stream'),
    startToCloseTimeout: '1h',
    heartbeatTimeout: '60s',
    retry: { ...retry, maximumAttempts: 20 },
  });

/** Chunks of a read of the past: long, each begun anew by a retry, given up at once when cancelled. */
export const historicalActivities = (namespace: string) =>
  proxyActivities<HistoricalActivities>({
    taskQueue: createNames(namespace).taskQueue('orchestration'),
    startToCloseTimeout: '4h',
    heartbeatTimeout: '15s',
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    retry: { ...retry, maximumAttempts: 20 },
  });
