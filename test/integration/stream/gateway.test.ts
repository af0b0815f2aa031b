import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createLogger } from '../../../src/infra/logger.ts';
import { createMetrics } from '../../../src/infra/metrics.ts';
import type { KafkaClient } from '../../../src/infra/kafka.ts';
import { createGateway } from '../../../src/stream/gateway.ts';
import { loadGatewaySettings } from '../../../src/stream/gateway-settings.ts';
import {
  account,
  differences,
  eventually,
  openEventPath,
  payments,
  type EventPath,
} from './event-path.ts';

const events = payments(30);
const bodies = events.map(({ payment }) => payment);
const json = { 'content-type': 'application/json' };
const knownAt = (index: number) => ({ 'millrace-known-time': String(events[index]?.knownTime) });

describe('the gateway', () => {
  let path: EventPath;
  let gateway: FastifyInstance;
  const open = (kafka: KafkaClient, environment: Record<string, string> = {}) =>
    createGateway({
      kafka,
      names: path.names,
      sources: path.project.sources,
      settings: loadGatewaySettings(environment),
      clock: () => events.at(-1)!.knownTime,
      logger: createLogger('test', 'silent'),
      registry: createMetrics('test'),
    });
  const post = (payload: string, headers: Record<string, string>, source = 'payment') =>
    gateway.inject({ method: 'POST', url: `/v1/events/${source}`, headers, payload });
  beforeAll(async () => {
    path = await openEventPath();
    gateway = await open(path.kafka);
    await path.ingest();
    await path.fold();
  });
  afterAll(async () => {
    await gateway.close();
    await path.close();
  });

  test('accepts one event, an array and NDJSON, and what it accepts reaches the offline log', async () => {
    const one = await post(JSON.stringify(bodies[0]), { ...json, ...knownAt(0) });
    expect([one.statusCode, one.json()]).toEqual([202, { accepted: 1 }]);
    for (let i = 1; i < 20; i++) {
      const answer = await post(JSON.stringify([bodies[i]]), { ...json, ...knownAt(i) });
      expect(answer.statusCode).toBe(202);
    }
    for (let i = 20; i < 30; i++) {
      const answer = await post(`${JSON.stringify(bodies[i])}\n\n`, {
        'content-type': 'application/x-ndjson',
        ...knownAt(i),
      });
      expect(answer.statusCode).toBe(202);
    }
    await eventually('all stored', async () => (await account(path)).stored === 30);
    await eventually('all visible', async () => (await differences(path, events)).length === 0);
  });

  test('names every problem of every event and accepts none of the request', async () => {
    const before = await path.kafka.topicOffsets(path.names.sourceTopic('payment'));
    const answer = await post(
      JSON.stringify([bodies[0], { paymentId: 'x' }, { ...bodies[1], amount: 'ten' }]),
      json,
    );
    expect(answer.statusCode).toBe(400);
    const { code, problems } = answer.json<{
      code: string;
      problems: { index: number; problem: string }[];
    }>();
    expect(code).toBe('STREAM_EVENT_INVALID');
    expect(problems.map(({ index }) => index)).toEqual([1, 1, 1, 2]);
    expect(await path.kafka.topicOffsets(path.names.sourceTopic('payment'))).toEqual(before);
  });

  test.each([
    {
      what: 'a body that is no JSON',
      payload: '{',
      headers: json,
      source: 'payment',
      status: 400,
      code: 'STREAM_EVENT_MALFORMED',
    },
    {
      what: 'an empty array',
      payload: '[]',
      headers: json,
      source: 'payment',
      status: 400,
      code: 'REQUEST_INVALID',
    },
    {
      what: 'another content type',
      payload: 'a=1',
      headers: { 'content-type': 'text/csv' },
      source: 'payment',
      status: 400,
      code: 'REQUEST_INVALID',
    },
    {
      what: 'an unknown source',
      payload: '{}',
      headers: json,
      source: 'refund',
      status: 404,
      code: 'STREAM_SOURCE_NOT_FOUND',
    },
    {
      what: 'a wrong known time',
      payload: JSON.stringify(bodies[0]),
      headers: { ...json, 'millrace-known-time': 'soon' },
      source: 'payment',
      status: 400,
      code: 'REQUEST_INVALID',
    },
    {
      what: 'a body beyond the limit',
      payload: `[${'0,'.repeat(3_000_000)}0]`,
      headers: json,
      source: 'payment',
      status: 413,
      code: 'REQUEST_TOO_LARGE',
    },
  ])('$what is refused with $status $code', async ({ payload, headers, source, status, code }) => {
    const answer = await post(payload, headers, source);
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([status, code]);
  });

  test('answers 429 with Retry-After while Kafka is slow, and 202 only for what Kafka has', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const slow: KafkaClient = {
      ...path.kafka,
      createProducer: async () => {
        const producer = await path.kafka.createProducer();
        return {
          ...producer,
          send: async (messages) => {
            await held;
            return producer.send(messages);
          },
        };
      },
    };
    const busy = await open(slow, { MILLRACE_GATEWAY_IN_FLIGHT_EVENTS_MAX: '5' });
    const send = () =>
      busy.inject({
        method: 'POST',
        url: '/v1/events/payment',
        headers: { ...json, ...knownAt(4) },
        payload: JSON.stringify(bodies.slice(0, 5)),
      });
    const first = send();
    void first.then(() => undefined);
    await eventually('the first is in flight', async () => (await send()).statusCode === 429);
    const refused = await send();
    expect(refused.statusCode).toBe(429);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(refused.json<{ code: string }>().code).toBe('STREAM_OVERLOADED');
    release();
    expect((await first).statusCode).toBe(202);
    await busy.close();
  });

  test('answers what the router refuses in the same form', async () => {
    const answer = await gateway.inject({ method: 'POST', url: '/v1/events/%zz', headers: json, payload: '{}' });
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([400, 'REQUEST_INVALID']);
  });

  test('answers health and metrics', async () => {
    expect((await gateway.inject('/v1/health/live')).statusCode).toBe(200);
    expect((await gateway.inject('/v1/health/ready')).statusCode).toBe(200);
    expect((await gateway.inject('/metrics')).body).toContain(
      'millrace_gateway_events_accepted_total{source="payment"',
    );
  });
});
