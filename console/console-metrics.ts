import { isMillraceError } from '../src/core/millrace-error.ts';
import { Counter, Histogram, type Registry } from '../src/infra/metrics.ts';

const READ_SECONDS = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10];
/** Parts that name a model: the label names the kind, so that it has few values. */
const nameOfModel = / of '.*'$/;

/** Metrics of what the console reads. Answers what `SharedReads` tells of each reading. */
export function createConsoleMetrics(registry: Registry) {
  const registers = [registry];
  const seconds = new Histogram({
    name: 'millrace_console_read_duration_seconds',
    help: 'Until a part of the console has been read from its server, by part.',
    labelNames: ['part'] as const,
    buckets: READ_SECONDS,
    registers,
  });
  const failures = new Counter({
    name: 'millrace_console_read_failures_total',
    help: 'Readings of the console that failed, by part and error code.',
    labelNames: ['part', 'code'] as const,
    registers,
  });
  return (part: string, took: number, error: unknown): void => {
    const kind = part.replace(nameOfModel, '');
    seconds.observe({ part: kind }, took);
    if (error !== undefined)
      failures.inc({ part: kind, code: isMillraceError(error) ? error.code : 'UNEXPECTED' });
  };
}
