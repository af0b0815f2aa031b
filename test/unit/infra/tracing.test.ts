import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createLogger } from '../../../src/infra/logger.ts';
import { Registry } from '../../../src/infra/metrics.ts';
import { loadTracingConfig } from '../../../src/infra/tracing-config.ts';
import { inSpan, openTracing, startBatchSpan, type Tracing } from '../../../src/infra/tracing.ts';
import type { TraceContext } from '../../../src/infra/trace-context.ts';
import { MillraceError } from '../../../src/core/millrace-error.ts';
import { startOtlpReceiver } from '../../support/otlp-receiver.ts';

const sampled = (digit: string): TraceContext => ({ traceId: 'a'.repeat(32), spanId: digit.repeat(16), isSampled: true });
const logger = createLogger('test', 'silent');

describe('settings of tracing', () => {
  it.each([
    [{}, undefined],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://otel:4318' }, 'http://otel:4318/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'https://otel/base/' }, 'https://otel/base/v1/traces'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://all:1', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://traces:2/own' }, 'http://traces:2/own'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://traces:2/own', MILLRACE_TRACING_ENDPOINT: 'http://ours:3' }, 'http://ours:3/v1/traces'],
    [{ MILLRACE_TRACING_ENDPOINT: 'http://ours:3', OTEL_SDK_DISABLED: 'TRUE' }, undefined],
  ])('%j send spans to %s', (environment, url) => {
    expect(loadTracingConfig(environment).url).toBe(url);
  });

  it('that are wrong are all named', () => {
    const wrong = { MILLRACE_TRACING_ENDPOINT: 'otel:4318', MILLRACE_TRACING_RATIO: '2', MILLRACE_TRACING_QUEUE_SPANS_MAX: '0' };
    expect(() => loadTracingConfig(wrong)).toThrow(/MILLRACE_TRACING_ENDPOINT.*MILLRACE_TRACING_RATIO.*MILLRACE_TRACING_QUEUE_SPANS_MAX/s);
  });

  it('of no endpoint open nothing', async () => {
    const registry = new Registry();
    expect(await openTracing(loadTracingConfig({}), { name: 'test', namespace: 'test', registry, logger })).toBeUndefined();
    expect(registry.getMetricsAsArray()).toEqual([]);
  });
});

describe('spans', () => {
  let receiver: Awaited<ReturnType<typeof startOtlpReceiver>>;
  let registry: Registry;
  let opened: Tracing[];
  const open = async (environment: Record<string, string> = {}, url = receiver.url): Promise<Tracing> => {
    const config = loadTracingConfig({ MILLRACE_TRACING_ENDPOINT: url, MILLRACE_TRACING_RATIO: '1', ...environment });
    const tracing = (await openTracing(config, { name: 'test', namespace: 'ns', registry, logger })) as Tracing;
    opened.push(tracing);
    return tracing;
  };
  const counted = async (name: string): Promise<number[]> => (await registry.getSingleMetric(name)!.get()).values.map(({ value }) => value);
  beforeEach(async () => {
    receiver = await startOtlpReceiver();
    registry = new Registry();
    opened = [];
  });
  afterEach(() => receiver.close());

  it('that wait are sent when the process ends', async () => {
    const { tracer, close } = await open();
    const parent = tracer.start('outer', { kind: 'server', attributes: { n: 1, yes: true, half: 0.5 } });
    tracer.start('inner', { parent }).end();
    parent.end();
    expect(receiver.spans).toEqual([]);
    await close();
    expect(receiver.requests.map(({ path }) => path)).toEqual(['/v1/traces']);
    const [inner, outer] = receiver.spans;
    expect(outer).toMatchObject({ service: 'millrace-test', name: 'outer', kind: 2, parentSpanId: '', attributes: { n: 1, yes: true, half: 0.5 } });
    expect(inner).toMatchObject({ name: 'inner', kind: 1, parentSpanId: parent.spanId, traceId: parent.traceId });
    expect(await counted('millrace_trace_spans_exported_total')).toEqual([2]);
  });

  it('are recorded as their parents are, and by the ratio without one', async () => {
    const { tracer, close } = await open({ MILLRACE_TRACING_RATIO: '0.25' });
    const roots = Array.from({ length: 2_000 }, () => tracer.start('root'));
    const share = roots.filter(({ isSampled }) => isSampled).length / roots.length;
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.3);
    expect(roots.every((root) => tracer.start('child', { parent: root }).isSampled === root.isSampled)).toBe(true);
    expect(tracer.start('child', { parent: sampled('1') }).isSampled).toBe(true);
    expect(tracer.start('child', { parent: { ...sampled('1'), isSampled: false } }).isSampled).toBe(false);
    await close();
  });

  it('beyond the bound of the queue are dropped, and counted', async () => {
    const { tracer, close } = await open({ MILLRACE_TRACING_QUEUE_SPANS_MAX: '10' });
    for (let i = 0; i < 50; i++) tracer.start(`span ${i}`).end();
    expect(await counted('millrace_trace_spans_waiting')).toEqual([10]);
    await close();
    expect(receiver.spans.map(({ name }) => name)).toEqual(Array.from({ length: 10 }, (_, i) => `span ${i}`));
    expect(await counted('millrace_trace_spans_dropped_total')).toEqual([40, 0]);
  });

  it('that the collector refuses are counted', async () => {
    receiver.state.answer = 400;
    const { tracer, close } = await open();
    for (let i = 0; i < 3; i++) tracer.start('span').end();
    await close();
    expect(await counted('millrace_trace_spans_dropped_total')).toEqual([0, 3]);
    expect(await counted('millrace_trace_spans_exported_total')).toEqual([0]);
  });

  it('hold up no process whose collector does not answer', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { tracer, close } = await open({ MILLRACE_TRACING_EXPORT_TIMEOUT_MS: '200' }, `http://127.0.0.1:${(silent.address() as AddressInfo).port}`);
    tracer.start('span').end();
    const startedAt = performance.now();
    await close();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    silent.closeAllConnections();
    silent.close();
  });

  it('of a batch are children of the first cause that is recorded, with links to all of them, each once', async () => {
    const { tracer, close } = await open();
    const not = { ...sampled('9'), isSampled: false };
    expect(startBatchSpan(tracer, 'batch', [not, not], {})).toBeUndefined();
    startBatchSpan(tracer, 'batch', [not, sampled('1'), sampled('2'), sampled('1')], {})?.end();
    const many = Array.from({ length: 200 }, (_, i) => ({ ...sampled('1'), spanId: (i + 1).toString(16).padStart(16, '0') }));
    startBatchSpan(tracer, 'large', many, {})?.end();
    await close();
    const [batch, large] = receiver.spans;
    expect(batch).toMatchObject({ parentSpanId: '1'.repeat(16), links: ['1'.repeat(16), '2'.repeat(16)] });
    expect(large?.links).toHaveLength(64);
  });

  it('are sent with the headers and packed as the standard variables say', async () => {
    vi.stubEnv('OTEL_EXPORTER_OTLP_HEADERS', 'authorization=Bearer%20secret');
    vi.stubEnv('OTEL_EXPORTER_OTLP_COMPRESSION', 'gzip');
    const { tracer, close } = await open();
    vi.unstubAllEnvs();
    tracer.start('span').end();
    await close();
    expect(receiver.requests[0]?.headers).toMatchObject({ authorization: 'Bearer secret', 'content-encoding': 'gzip', 'content-type': 'application/x-protobuf' });
    expect(receiver.spans).toHaveLength(1);
  });

  it('say what their work failed with', async () => {
    const { tracer, close } = await open();
    const failed = inSpan(tracer.start('work'), () => Promise.reject(new MillraceError('STORE_UNAVAILABLE', 'Redis is away.')));
    await expect(failed).rejects.toThrow('Redis is away.');
    await close();
    expect(receiver.spans[0]).toMatchObject({ status: { code: 2, message: 'Redis is away.' }, attributes: { 'error.type': 'STORE_UNAVAILABLE' } });
  });
});
