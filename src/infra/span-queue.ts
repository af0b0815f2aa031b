import { ExportResultCode, type ExportResult } from '@opentelemetry/core';
import { TraceFlags } from '@opentelemetry/api';
import type { ReadableSpan, SpanExporter, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Logger } from './logger.ts';
import { Counter, Gauge, type Registry } from './metrics.ts';

export interface SpanQueueOptions {
  readonly exporter: SpanExporter;
  /** Spans that may wait; what comes beyond is dropped and counted. */
  readonly spansMax: number;
  /** Longest wait for the last spans when the process ends. */
  readonly drainMs: number;
  readonly registry: Registry;
  readonly logger: Logger;
}

/** Spans of one request to the collector. */
const EXPORT_SPANS_MAX = 512;
/** Longest that a span waits for others. */
const LINGER_MS = 1_000;
/** A collector that is away is told of this often. */
const WARN_EVERY_MS = 60_000;

/** The bounded way from ended spans to the collector, one request at a time. Nothing waits for it, and nothing is lost uncounted. */
export class SpanQueue implements SpanProcessor {
  readonly #options: SpanQueueOptions;
  readonly #waiting: ReadableSpan[] = [];
  readonly #exported: Counter;
  readonly #dropped: Counter<'reason'>;
  #timer: NodeJS.Timeout | undefined;
  #exporting: Promise<void> | undefined;
  #warnedAt = -Infinity;

  constructor(options: SpanQueueOptions) {
    this.#options = options;
    const registers = [options.registry];
    this.#exported = new Counter({ name: 'millrace_trace_spans_exported_total', help: 'Spans that the collector took.', registers });
    this.#dropped = new Counter({
      name: 'millrace_trace_spans_dropped_total',
      help: 'Spans that were lost, by reason: queue_full, or refused (by the collector, or it was away).',
      labelNames: ['reason'] as const,
      registers,
    });
    this.#dropped.inc({ reason: 'queue_full' }, 0);
    this.#dropped.inc({ reason: 'refused' }, 0);
    const waiting = this.#waiting;
    new Gauge({
      name: 'millrace_trace_spans_waiting',
      help: 'Spans that wait for the collector.',
      registers,
      collect() {
        this.set(waiting.length);
      },
    });
  }

  onStart(): void {
    // Only what has ended is of interest.
  }

  onEnd(span: ReadableSpan): void {
    if ((span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    if (this.#waiting.length >= this.#options.spansMax) {
      this.#dropped.inc({ reason: 'queue_full' });
      return;
    }
    this.#waiting.push(span);
    if (this.#waiting.length >= EXPORT_SPANS_MAX) void this.#export();
    else this.#timer ??= setTimeout(() => void this.#export(), LINGER_MS).unref();
  }

  /** Resolves once nothing waits, or the time for it is over. */
  async forceFlush(): Promise<void> {
    let limit: NodeJS.Timeout | undefined;
    const timedOut = new Promise<void>((resolve) => {
      limit = setTimeout(resolve, this.#options.drainMs);
    });
    await Promise.race([this.#export(), timedOut]);
    clearTimeout(limit);
  }

  async shutdown(): Promise<void> {
    await this.forceFlush();
    this.#dropped.inc({ reason: 'refused' }, this.#waiting.splice(0).length);
    await this.#options.exporter.shutdown();
  }

  /** Sends all that waits; whoever asks meanwhile waits for the same. */
  #export(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#exporting ??= this.#exportAll().finally(() => {
      this.#exporting = undefined;
    });
    return this.#exporting;
  }

  async #exportAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const spans = this.#waiting.splice(0, EXPORT_SPANS_MAX);
      const { code, error } = await new Promise<ExportResult>((resolve) => this.#options.exporter.export(spans, resolve));
      if (code === ExportResultCode.SUCCESS) this.#exported.inc(spans.length);
      else this.#refused(spans.length, error);
    }
  }

  #refused(count: number, error: unknown): void {
    this.#dropped.inc({ reason: 'refused' }, count);
    if (performance.now() < this.#warnedAt + WARN_EVERY_MS) return;
    this.#warnedAt = performance.now();
    this.#options.logger.warn({ err: error, spans: count }, 'the collector takes no spans: they are dropped');
  }
}
