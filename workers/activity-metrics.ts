import { CancelledFailure } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import { Counter, Histogram, type Registry } from '../src/infra/metrics.ts';

/** From a question to the registry to a training of hours. */
const SECONDS = [0.01, 0.05, 0.25, 1, 5, 30, 120, 600, 3_600, 14_400];

/** Metrics of the activities of a worker: names are those of its code, never of what asks for them. */
export function measureActivities(registry: Registry): ActivityInterceptorsFactory {
  const registers = [registry];
  const seconds = new Histogram({
    name: 'millrace_activity_duration_seconds',
    help: 'From the start of an activity to its end, by activity and outcome (done, failed, cancelled).',
    labelNames: ['activity', 'outcome'] as const,
    buckets: SECONDS,
    registers,
  });
  const running = new Counter({
    name: 'millrace_activities_started_total',
    help: 'Activities that were started, by activity.',
    labelNames: ['activity'] as const,
    registers,
  });
  return ({ info: { activityType: activity } }) => ({
    inbound: {
      async execute(input, next) {
        const startedAt = performance.now();
        const end = (outcome: string): void => seconds.observe({ activity, outcome }, (performance.now() - startedAt) / 1_000);
        running.inc({ activity });
        try {
          const result = await next(input);
          end('done');
          return result;
        } catch (error) {
          end(error instanceof CancelledFailure ? 'cancelled' : 'failed');
          throw error;
        }
      },
    },
  });
}
