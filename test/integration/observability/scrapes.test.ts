import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/infra/logger.ts';
import { createMetrics } from '../../../src/infra/metrics.ts';
import { loadTracingConfig } from '../../../src/infra/tracing-config.ts';
import { openTracing } from '../../../src/infra/tracing.ts';
import { measureActivities } from '../../../workers/activity-metrics.ts';
import { serveMetrics } from '../../../workers/serve-metrics.ts';
import { findPromtool, runPromtool } from '../../support/promtool.ts';
import { flight, openTracedStage, type TracedStage } from '../../support/traced-stage.ts';

const promtool = await findPromtool();
let stage: TracedStage;
/** What a worker of Temporal has that runs no consumers. */
const worker = createMetrics('training');

const scrapeServing = async () => (await fetch(`${stage.serving.url}/metrics`)).text();
const scrapeGateway = async () => (await stage.gateway.inject('/metrics')).body;
async function scrape(registry: typeof worker): Promise<string> {
  const server = await serveMetrics(registry, { host: '127.0.0.1', port: 0 });
  const text = await (await fetch(`http://127.0.0.1:${server.port}/metrics`)).text();
  await server.close();
  return text;
}
const scrapes: Record<string, () => Promise<string>> = {
  serving: scrapeServing,
  gateway: scrapeGateway,
  'the stream worker': () => scrape(stage.registries.stream),
  'a worker without consumers': () => scrape(worker),
};
/** Names and labels of Millrace's own series; those of the runtime come and go with sockets and timers. */
const seriesOf = (text: string): string[] => text.split('\n').flatMap((line) => /^millrace_.*(?= )/.exec(line) ?? []);

beforeAll(async () => {
  stage = await openTracedStage();
  measureActivities(worker);
  const config = loadTracingConfig({ MILLRACE_TRACING_ENDPOINT: stage.receiver.url });
  await openTracing(config, { name: 'training', namespace: 'test', registry: worker, logger: createLogger('test', 'silent') });
});
afterAll(() => stage.close());

/** Everything at once that clients can get wrong or make up, each time with other names. */
async function provoke(round: number): Promise<void> {
  const ids = Array.from({ length: 40 }, (_, i) => `${round}-${i}`);
  const json = { 'content-type': 'application/json' };
  const wild = (id: string) => ({ 'x-request-id': id, traceparent: `00-${id.padEnd(32, 'a').replace('-', 'b')}-${'c'.repeat(16)}-01`, 'user-agent': id, 'content-type': 'application/json' });
  for (const id of ids) {
    await stage.predict([flight(id)], wild(id));
    await stage.predict([flight(id)], wild(id), `model-${id}`);
    await stage.predict([{ [id]: id }], wild(id));
    await fetch(`${stage.serving.url}/v2/models/model-${id}/infer`, { method: 'POST', headers: json, body: '{}' });
    await fetch(`${stage.serving.url}/v2/models/delay/versions/${id}/infer`, { method: 'POST', headers: json, body: JSON.stringify({ inputs: [] }) });
    await fetch(`${stage.serving.url}/v1/features/online`, { method: 'POST', headers: json, body: JSON.stringify({ views: [`view-${id}`], entities: [{}] }) });
    await fetch(`${stage.serving.url}/${id}`, { method: 'PUT' });
    await stage.sendEvent(id, wild(id));
    await stage.sendEvent(id, wild(id), `source-${id}`);
    await stage.gateway.inject({ method: 'POST', url: '/v1/events/departures', headers: json, payload: `{"${id}":1}` });
  }
}

describe('whatever clients send', () => {
  it('makes no series beyond those of the first of its kind', async () => {
    await provoke(0);
    const stored = async () => /millrace_events_total\{source="departures",outcome="stored"[^}]*\} (\d+)/.exec(await stage.registries.stream.metrics())?.[1];
    await expect.poll(stored, { timeout: 30_000 }).toBe('40');
    const before = [...seriesOf(await scrapeServing()), ...seriesOf(await scrapeGateway()), ...seriesOf(await stage.registries.stream.metrics())];
    for (const round of [1, 2, 3]) await provoke(round);
    await expect.poll(stored, { timeout: 30_000 }).toBe('160');
    const after = [...seriesOf(await scrapeServing()), ...seriesOf(await scrapeGateway()), ...seriesOf(await stage.registries.stream.metrics())];
    expect(after.filter((series) => !before.includes(series))).toEqual([]);
    expect(before.length).toBeGreaterThan(100);
  });

  it('is told by outcome, code and version', async () => {
    const text = await scrapeServing();
    const value = (series: string): number => Number(new RegExp(`^${series.replace(/[{}]/g, '\\$&')} (\\d+)$`, 'm').exec(text)?.[1]);
    const of = (labels: string) => `millrace_prediction_requests_total{${labels},process="serving"}`;
    expect(value(of('model="delay",outcome="answered"')) + value(of('model="delay",outcome="slow"'))).toBe(160);
    expect(value(of('model="delay",outcome="refused"'))).toBe(320);
    expect(value(of('model="unknown",outcome="refused"'))).toBe(320);
    expect(value(of('model="delay",outcome="failed"'))).toBe(0);
    expect(value('millrace_requests_in_flight{model="delay",process="serving"}')).toBe(0);
    expect(value('millrace_prediction_failures_total{model="unknown",code="MODEL_NOT_FOUND",process="serving"}')).toBe(160);
    for (const part of ['duration', 'features', 'queue', 'compute']) expect(value(`millrace_prediction_${part}_seconds_count{model="delay",version="1",process="serving"}`)).toBe(160);
    expect(value('millrace_inference_batch_duration_seconds_count{model="delay",version="1",process="serving"}')).toBe(160);
    expect(await scrapeGateway()).toMatch(/millrace_gateway_failures_total\{source="unknown",code="STREAM_SOURCE_NOT_FOUND",process="gateway"\} 160/);
  });
});

describe.skipIf(promtool === undefined)('promtool takes the live scrape of', () => {
  it.each(Object.keys(scrapes))('%s', async (name) => {
    const text = await scrapes[name]!();
    expect(text).toMatch(/^millrace_/m);
    await runPromtool(promtool as string, ['check', 'metrics'], text);
  });

  it('no other text', async () => {
    await expect(runPromtool(promtool as string, ['check', 'metrics'], 'millrace_things_total 1\nmillrace_things_total 1\n')).rejects.toThrow();
  });
});
