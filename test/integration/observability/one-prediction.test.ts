import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FEATURE_STORE_SERVICE } from '../../../src/contracts/feature-store.ts';
import { featureStoreProto } from '../../../src/infra/load-proto.ts';
import type { ReceivedSpan } from '../../support/otlp-receiver.ts';
import { createGrpcCaller } from '../../support/serving/grpc-caller.ts';
import { flight, openTracedStage, type TracedStage } from '../../support/traced-stage.ts';

const ROOT = 'a'.repeat(32);
/** The SDK tells the beginning of a span by the wall clock, in whole milliseconds. */
const CLOCK_MS = 1;
const CALLER = 'b'.repeat(16);
const parentOf = (sampled: boolean) => ({ traceparent: `00-${ROOT}-${CALLER}-0${sampled ? 1 : 0}`, tracestate: 'vendor=1' });

let stage: TracedStage;
let sendEvent: TracedStage['sendEvent'];
let predict: TracedStage['predict'];

beforeAll(async () => {
  stage = await openTracedStage();
  ({ sendEvent, predict } = stage);
});
afterAll(() => stage.close());

const inTrace = (traceId: string) => stage.receiver.spans.filter((span) => span.traceId === traceId);
const arrived = (traceId: string, count: number) => expect.poll(() => inTrace(traceId).map(({ name }) => name).sort(), { timeout: 30_000 }).toHaveLength(count);
const the = (name: string, traceId = ROOT): ReceivedSpan => {
  const found = inTrace(traceId).filter((span) => span.name === name);
  expect(found.map((span) => span.name)).toEqual([name]);
  return found[0]!;
};

describe('the trace of one prediction, from its event to its answer', () => {
  it('goes from the gateway through ingest to the fold', async () => {
    expect((await sendEvent('F1', parentOf(true))).statusCode).toBe(202);
    await arrived(ROOT, 6);
    const [door, send, ingest, frames, log, fold] = ['POST /v1/events/:source', 'send departures', 'ingest departures', 'send frames', 'store log', 'fold origin_departures'].map((name) => the(name)) as [ReceivedSpan, ReceivedSpan, ReceivedSpan, ReceivedSpan, ReceivedSpan, ReceivedSpan];
    expect(door).toMatchObject({ parentSpanId: CALLER, kind: 2, service: 'millrace-gateway', state: 'vendor=1' });
    expect(door.attributes).toMatchObject({ 'http.route': '/v1/events/:source', 'http.response.status_code': 202 });
    expect(send).toMatchObject({ parentSpanId: door.spanId, kind: 4, service: 'millrace-gateway' });
    expect(ingest).toMatchObject({ parentSpanId: send.spanId, links: [send.spanId], kind: 5, service: 'millrace-stream', state: 'vendor=1' });
    expect(ingest.attributes).toMatchObject({ 'millrace.source': 'departures', 'millrace.events.stored': 1 });
    expect([frames.parentSpanId, log.parentSpanId]).toEqual([ingest.spanId, ingest.spanId]);
    expect(fold).toMatchObject({ parentSpanId: ingest.spanId, links: [ingest.spanId], kind: 5, service: 'millrace-stream' });
    // Every step lies within the time of the one that it is a part of.
    expect(send.startedAt).toBeGreaterThanOrEqual(door.startedAt - CLOCK_MS);
    expect(log.endedAt).toBeLessThanOrEqual(ingest.endedAt + CLOCK_MS);
  });

  it('goes from the request through features, queue and compute to the stored decision', async () => {
    const traceId = 'c'.repeat(32);
    const answer = await predict([flight('F2')], { traceparent: `00-${traceId}-${CALLER}-01`, 'x-request-id': 'r-7' });
    expect(answer.status).toBe(200);
    await arrived(traceId, 7);
    const server = the('POST /v1/models/:model/predict', traceId);
    expect(server).toMatchObject({ parentSpanId: CALLER, kind: 2, service: 'millrace-serving' });
    expect(server.attributes).toMatchObject({ 'millrace.model': 'delay', 'millrace.request.id': 'r-7', 'http.response.status_code': 200 });
    const [features, queue, compute, batch] = ['features', 'queue', 'compute', 'run batch'].map((name) => the(name, traceId)) as [ReceivedSpan, ReceivedSpan, ReceivedSpan, ReceivedSpan];
    for (const part of [features, queue, compute]) {
      expect(part.parentSpanId).toBe(server.spanId);
      expect(part.startedAt).toBeGreaterThanOrEqual(server.startedAt - CLOCK_MS);
      expect(part.endedAt).toBeLessThanOrEqual(server.endedAt + CLOCK_MS);
    }
    expect(features.endedAt).toBeLessThanOrEqual(queue.startedAt + CLOCK_MS);
    expect(queue.endedAt).toBeLessThanOrEqual(compute.startedAt + CLOCK_MS);
    // Request and batch name each other.
    expect([batch.links, batch.parentSpanId, compute.links]).toEqual([[server.spanId], server.spanId, [batch.spanId]]);
    expect(the('send decisions', traceId)).toMatchObject({ links: [server.spanId], kind: 4, service: 'millrace-serving' });
    expect(the('store decisions', traceId)).toMatchObject({ parentSpanId: server.spanId, kind: 5, service: 'millrace-stream' });
  });

  it('goes on over gRPC with what the call carries', async () => {
    const traceId = 'd'.repeat(32);
    const caller = createGrpcCaller(stage.serving.grpcAddress, featureStoreProto, FEATURE_STORE_SERVICE, { traceparent: `00-${traceId}-${CALLER}-01` });
    await caller.call('GetOnlineFeatures', { views: { names: ['origin_departures'] }, entities: [{ fields: { origin: { text: 'JFK' } } }] });
    const wrong = await caller.call('GetOnlineFeatures', { views: { names: ['nothing'] }, entities: [] });
    caller.close();
    expect(wrong.error).toBeDefined();
    await arrived(traceId, 3);
    const servers = inTrace(traceId).filter(({ name }) => name === `${FEATURE_STORE_SERVICE}/GetOnlineFeatures`);
    expect(servers.map(({ parentSpanId, kind }) => [parentSpanId, kind])).toEqual([[CALLER, 2], [CALLER, 2]]);
    expect(servers.map(({ attributes }) => attributes['error.type'])).toEqual([undefined, 'FEATURE_NOT_FOUND']);
    expect(the('features', traceId).parentSpanId).toBe(servers[0]?.spanId);
  });
});

it('links a batch to each of its requests that is recorded, and is in the trace of the first', async () => {
  const traceIds = ['1', '2', '3'].map((digit) => digit.repeat(32));
  // A first request keeps the session busy, so that the others gather.
  const busy = Array.from({ length: 40 }, () => predict(Array.from({ length: 16 }, (_, i) => flight(`B${i}`))));
  const answers = await Promise.all([...busy, ...traceIds.map((traceId, i) => predict([flight(`G${i}`)], { traceparent: `00-${traceId}-${CALLER}-0${i === 1 ? 0 : 1}` }))]);
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  await Promise.all([traceIds[0], traceIds[2]].map((traceId) => expect.poll(() => inTrace(traceId as string).some(({ name }) => name === 'compute'), { timeout: 30_000 }).toBe(true)));
  const [first, , third] = traceIds.map((traceId) => inTrace(traceId).filter(({ name }) => name === 'POST /v1/models/:model/predict')) as [ReceivedSpan[], ReceivedSpan[], ReceivedSpan[]];
  expect(inTrace(traceIds[1] as string)).toEqual([]);
  const batches = stage.receiver.spans.filter(({ name, traceId }) => name === 'run batch' && traceIds.includes(traceId));
  expect(new Set(batches.flatMap(({ links }) => links))).toEqual(new Set([...first, ...third].map(({ spanId }) => spanId)));
  for (const { parentSpanId, links } of batches) expect(parentSpanId).toBe(links[0]);
});

it('tells failures by their codes, those of the caller not as faults of the server', async () => {
  const traceId = 'e'.repeat(32);
  await predict([], { traceparent: `00-${traceId}-${CALLER}-01` });
  await arrived(traceId, 1);
  const span = the('POST /v1/models/:model/predict', traceId);
  expect(span.attributes).toMatchObject({ 'error.type': 'REQUEST_INVALID', 'http.response.status_code': 400 });
  expect(span.status.code).toBe(0);
});

it('records nothing that nobody asks to be recorded, and counts what it sent', async () => {
  const before = stage.receiver.spans.length;
  await sendEvent('F9', parentOf(false));
  await sendEvent('F10');
  await predict([flight('F9')]);
  await fetch(`${stage.serving.url}/v1/health/ready`, { headers: parentOf(true) });
  await fetch(`${stage.serving.url}/metrics`, { headers: parentOf(true) });
  await expect.poll(async () => (await stage.registries.stream.metrics()).match(/millrace_events_total\{.*outcome="stored".*\} (\d+)/)?.[1], { timeout: 30_000 }).toBe('3');
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(stage.receiver.spans.slice(before)).toEqual([]);
  expect(await stage.registries.serving.metrics()).toMatch(/millrace_trace_spans_exported_total\{process="serving"\} [1-9]/);
  expect(await stage.registries.serving.metrics()).toMatch(/millrace_trace_spans_dropped_total\{reason="queue_full",process="serving"\} 0/);
});
