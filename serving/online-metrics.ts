import { isMillraceError } from '../src/core/millrace-error.ts';
import { BucketHistogram, type BucketSeries } from '../src/infra/bucket-histogram.ts';
import { Counter, type Registry } from '../src/infra/metrics.ts';
import { LATENCY_BUCKETS } from './latency-buckets.ts';

const KEYS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096];

/** Reads of online features. Services are the project's, codes the error table's. */
export class OnlineMetrics {
  readonly #reads: BucketHistogram;
  /** By what was asked for, and by service; '' for none. */
  readonly #series = new Map<string, Map<string, BucketSeries>>();
  readonly #keys: BucketSeries;
  readonly #failures: Counter<'code'>;

  constructor(registry: Registry) {
    this.#reads = new BucketHistogram({
      name: 'millrace_online_read_duration_seconds',
      help: 'A read of online features from its arrival to its answer, by what it asks for.',
      buckets: LATENCY_BUCKETS,
      registry,
    });
    const keys = new BucketHistogram({ name: 'millrace_online_read_keys', help: 'States that a read of online features asked for.', buckets: KEYS, registry });
    this.#keys = keys.add({});
    this.#failures = new Counter({
      name: 'millrace_online_read_failures_total',
      help: 'Reads of online features that failed, by error code.',
      labelNames: ['code'],
      registers: [registry],
    });
  }

  answered(by: string, service: string, seconds: number, keys: number): void {
    const series = this.#series.get(by)?.get(service) ?? this.#add(by, service);
    series.observe(seconds);
    this.#keys.observe(keys);
  }

  failed(error: unknown): void {
    this.#failures.inc({ code: isMillraceError(error) ? error.code : 'unexpected' });
  }

  #add(by: string, service: string): BucketSeries {
    const services = this.#series.get(by) ?? new Map<string, BucketSeries>();
    const series = this.#reads.add({ by, service });
    this.#series.set(by, services.set(service, series));
    return series;
  }
}
