import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Decision } from '../../../src/contracts/decision.ts';
import type { GoldenBatch, ModelSignature } from '../../../src/contracts/model-bundle.ts';
import { readDecisionFrame } from '../../../src/store/decision-frame.ts';
import { createServingStage, WEIGHTS, type ServingStage } from '../../support/serving/serving-stage.ts';
import { tinyGolden, tinyScore, type TinyModel } from '../../support/serving/tiny-onnx.ts';
import { splitPoint } from '../../../serving/router/split-point.ts';
import type { RunningServing } from '../../../serving/start-serving.ts';

const HOUR_MS = 3_600_000;
const asOf = Date.UTC(2013, 5, 1, 12);
const first: TinyModel = { weights: WEIGHTS, bias: 0 };
const second: TinyModel = { weights: WEIGHTS, bias: 1 };
const instance = { flightId: 'F1', origin: 'JFK', carrier: 'UA', distance: 500 };

interface Answer {
  version: number | null;
  variant: string | null;
  digest: string;
  predictions: { decisionId: string; score: number; label: boolean; version: number; variant: string }[];
  error: string;
  code: string;
}

let stage: ServingStage;
let serving: RunningServing;
let firstVersion: number;
let secondVersion: number;

const post = async (body: unknown, headers: Record<string, string> = {}, model = 'delay') => {
  const response = await fetch(`${serving.url}/v1/models/${model}/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer };
};
const get = async <T>(path: string) => {
  const response = await fetch(`${serving.url}${path}`);
  return { status: response.status, body: (await response.json()) as T };
};
const settledAt = (revision: number) =>
  vi.waitFor(
    async () => {
      const revisions = (await stage.registry.liveServing('delay')).map((report) => report.revision);
      expect(revisions).toEqual([revision]);
    },
    { timeout: 30_000, interval: 50 },
  );

beforeAll(async () => {
  stage = await createServingStage();
  await stage.fold('JFK', [
    { at: asOf - 2 * HOUR_MS, delayMinutes: 100 },
    { at: asOf - HOUR_MS / 2, delayMinutes: 10 },
    { at: asOf - HOUR_MS / 4, delayMinutes: 30 },
  ]);
  firstVersion = await stage.register(first);
  secondVersion = await stage.register(second);
  serving = await stage.serve();
});
afterAll(async () => {
  await stage.close();
});

describe('before a promotion', () => {
  it('is ready, says that there is no champion, and answers predictions with MODEL_NOT_READY', async () => {
    expect(await get('/v1/health/ready')).toMatchObject({
      status: 200,
      body: { ready: true, models: [{ model: 'delay', state: 'no version was promoted yet' }] },
    });
    expect(await post({ instance })).toMatchObject({ status: 503, body: { code: 'MODEL_NOT_READY' } });
  });
});

describe('with a champion', () => {
  beforeAll(async () => {
    await settledAt((await stage.allocate({ champion: firstVersion })).revision);
  });

  it('scores an instance by its entity keys as of the moment asked for', async () => {
    const { status, body, headers } = await post({ instance, asOf: new Date(asOf).toISOString() }, { 'x-request-id': 'r-1' });
    expect(status).toBe(200);
    expect(headers.get('x-request-id')).toBe('r-1');
    // Two departures in the hour with 40 minutes, distance 500, 'UA' is code 3.
    const expected = tinyScore(first, [2, 40, 500, 3]);
    expect(body).toMatchObject({ version: firstVersion, variant: 'champion', predictions: [{ label: expected >= 0.5 }] });
    expect(body.predictions[0]?.score).toBeCloseTo(expected, 6);
  });

  it('answers many instances in their order, unknown keys and categories included', async () => {
    const rows = Array.from({ length: 50 }, (_, i) => ({ origin: i % 2 === 0 ? 'JFK' : 'XXX', carrier: i % 3 === 0 ? 'ZZ' : 'AA', distance: i }));
    const { body } = await post({ instances: rows, asOf });
    body.predictions.forEach(({ score }, i) => {
      const view = i % 2 === 0 ? [2, 40] : [0, Number.NaN];
      expect(score).toBeCloseTo(tinyScore(first, [...view, i, i % 3 === 0 ? 1 : 2]), 6);
    });
  });

  it('keeps the decision readable at once, and sends it to Kafka with the row and the fences', async () => {
    const { body } = await post({ instance, asOf });
    const id = body.predictions[0]?.decisionId as string;
    await expect.poll(async () => (await get(`/v1/decisions/${id}`)).status).toBe(200);
    const { body: decision } = await get<Decision>(`/v1/decisions/${id}`);
    expect(decision).toMatchObject({
      id,
      model: 'delay',
      version: firstVersion,
      exampleId: 'F1',
      asOf,
      categories: ['UA'],
      reads: [{ view: 'origin_departures', version: 1, entityKey: 'JFK', fence: { 0: 2 }, newestKnownTime: asOf - HOUR_MS / 4 }],
      shadow: null,
    });
    const bytes = Uint8Array.from(Buffer.from(decision.numbers, 'base64'));
    expect([...new Float32Array(bytes.buffer)]).toEqual([2, 40, 500]);
    await expect.poll(async () => (await decisionsInKafka(stage)).some((found) => found.id === id), { timeout: 10_000 }).toBe(true);
  });

  it('answers the outputs that were chosen, and what it was made from where asked', async () => {
    const { body } = await post({ instances: [instance, { ...instance, origin: 'LGA' }], asOf, outputs: ['label'], include: { features: true, ages: true, explanation: true } });
    const [read, unread] = body.predictions as unknown as Record<string, unknown>[];
    expect(read).not.toHaveProperty('score');
    expect(read).toMatchObject({
      label: true,
      features: { 'origin_departures.departed1h': 2, 'origin_departures.delay1h': 40, distance: 500, carrier: 'UA' },
      views: [{ view: 'origin_departures', version: 1, ageMs: HOUR_MS / 4 }],
      explanation: { asOf, threshold: 0.5, split: { by: ['origin'], canaryShare: null, point: splitPoint('delay', ['JFK']) }, fences: { origin_departures: { 0: 2 } } },
    });
    expect(unread).toMatchObject({ features: { 'origin_departures.departed1h': 0 }, views: [{ ageMs: null }], explanation: { fences: { origin_departures: null } } });
    const named = await post({ instance, asOf, include: { features: ['distance'] } });
    expect(named.body.predictions[0]).toMatchObject({ score: expect.any(Number) as number, features: { distance: 500 } });
    expect(Object.keys((named.body.predictions[0] as unknown as { features: object }).features)).toEqual(['distance']);
    expect(await post({ instance, include: { features: ['nothing'] } })).toMatchObject({ status: 404, body: { code: 'FEATURE_NOT_FOUND' } });
  });

  it.each([
    ['no body', '', /body/i],
    ['broken JSON', '{', /JSON/i],
    ['no instances', { instances: [] }, /expected 1 to 1000 instances, found 0/],
    ['both forms', { instance, instances: [instance] }, /either 'instances'/],
    ['an unknown option', { instance, asof: 1 }, /asof/],
    ['wrong fields, all at once', { instances: [instance, { origin: 7, carrier: 'AA' }] }, /instances\[1\]: field 'origin'.*instances\[1\]: field 'distance'/],
    ['a misspelt field', { instance: { ...instance, distence: 1 } }, /instances\[0\]: field 'distence': neither/],
    ['a bad decision time', { instance, asOf: 'yesterday' }, /asOf/],
  ])('refuses %s with REQUEST_INVALID', async (_name, body, message) => {
    const answer = await post(body);
    expect(answer).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
    expect(answer.body.error).toMatch(message);
  });

  it('refuses a decision time that a state has gone on from, and scores at the oldest one that is left', async () => {
    const oldest = asOf - HOUR_MS / 4 - HOUR_MS;
    expect(await post({ instance, asOf: oldest - 1 })).toMatchObject({
      status: 422,
      body: { code: 'FEATURE_AS_OF_TOO_EARLY', error: expect.stringContaining("or later for 'JFK'") as string },
    });
    expect((await post({ instance, asOf: oldest })).status).toBe(200);
  });

  it('refuses an unknown model, an impossible deadline and a body over the limit', async () => {
    expect(await post({ instance }, {}, 'nobody')).toMatchObject({ status: 404, body: { code: 'MODEL_NOT_FOUND' } });
    expect(await post({ instance }, { 'x-request-timeout': '0.001' })).toMatchObject({ status: 504, body: { code: 'SERVING_DEADLINE_EXCEEDED' } });
    expect(await post({ instance }, { 'x-request-timeout': '-1' })).toMatchObject({ status: 400 });
    expect(await post(`"${'x'.repeat(2 * 1024 * 1024)}"`)).toMatchObject({ status: 413, body: { code: 'REQUEST_TOO_LARGE' } });
  });

  it('describes its models and counts what it does', async () => {
    expect((await get('/v1/models')).body).toMatchObject({ models: [{ model: 'delay', champion: firstVersion, ready: true }] });
    expect((await get('/v1/models/delay')).body).toMatchObject({
      splitBy: ['origin'],
      versions: [{ version: firstVersion, role: 'champion', provider: 'cpu', numericNames: stage.program.numericNames }],
    });
    const metrics = await (await fetch(`${serving.url}/metrics`)).text();
    expect(metrics).toMatch(/millrace_predictions_total\{model="delay",variant="champion",process="serving"\} \d+/);
    expect(metrics).toMatch(/millrace_prediction_failures_total\{model="delay",code="REQUEST_INVALID"/);
    expect(metrics).toMatch(/millrace_model_version_info\{model="delay",version="1",role="champion"/);
  });

  it('scores by a shadow after the answer, and stores its score with the decision', async () => {
    await settledAt((await stage.allocate({ champion: firstVersion, shadow: secondVersion })).revision);
    const { body } = await post({ instance, asOf });
    const id = body.predictions[0]?.decisionId as string;
    expect(body.version).toBe(firstVersion);
    await expect.poll(async () => (await get<Decision>(`/v1/decisions/${id}`)).body.shadow?.version).toBe(secondVersion);
    const shadow = (await get<Decision>(`/v1/decisions/${id}`)).body.shadow;
    expect(shadow?.score).toBeCloseTo(tinyScore(second, [2, 40, 500, 3]), 6);
  });

  it('splits by entity, the same entity always to the same version', async () => {
    await settledAt((await stage.allocate({ champion: firstVersion, canary: { version: secondVersion, share: 0.3 } })).revision);
    const rows = Array.from({ length: 400 }, (_, i) => ({ origin: `A${i}`, carrier: 'AA', distance: 1 }));
    const versionsOf = async (): Promise<number[]> =>
      (await post({ instances: rows })).body.predictions.map(({ version }) => version);
    const versions = await versionsOf();
    expect(await versionsOf()).toEqual(versions);
    const share = versions.filter((version) => version === secondVersion).length / rows.length;
    expect(share).toBeGreaterThan(0.2);
    expect(share).toBeLessThan(0.4);
    expect((await post({ instances: rows })).body.version).toBeNull();
  });

  it.each<[string, Partial<ModelSignature>, GoldenBatch | undefined, RegExp]>([
    ['other scores than its golden batch', {}, tinyGolden({ weights: WEIGHTS, bias: 7 }), /golden batch failed/],
    ['another feature service', { serviceDigest: 'other' }, undefined, /no service of that digest was applied/],
  ])('rejects a candidate with %s: it takes no traffic and the registry knows why', async (_name, over, golden, reason) => {
    const bad = await stage.register({ weights: WEIGHTS, bias: 0 }, over, golden);
    const { revision } = await stage.allocate({ champion: bad });
    await settledAt(revision);
    const [report] = await stage.registry.liveServing('delay');
    expect(report?.rejected).toMatchObject([{ version: bad, reason: expect.stringMatching(reason) as unknown }]);
    expect((await post({ instance, asOf })).body).toMatchObject({ version: firstVersion });
    await settledAt((await stage.allocate({ champion: firstVersion })).revision);
  });

  it('loses no request and mixes no versions while versions are swapped under load', async () => {
    let running = true;
    const seen = new Map<number, number>();
    const expected = new Map([firstVersion, secondVersion].map((version, i) => [version, tinyScore(i === 0 ? first : second, [2, 40, 500, 3])]));
    const wrong: unknown[] = [];
    const clients = Array.from({ length: 4 }, async () => {
      while (running) {
        const answer = await post({ instances: [instance, instance], asOf });
        for (const { version, score } of answer.status === 200 ? answer.body.predictions : []) {
          if (Math.abs(score - (expected.get(version) as number)) > 1e-6) wrong.push({ version, score });
          seen.set(version, (seen.get(version) ?? 0) + 1);
        }
        if (answer.status !== 200) wrong.push(answer);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    });
    try {
      for (const champion of [secondVersion, firstVersion, secondVersion, firstVersion]) {
        await settledAt((await stage.allocate({ champion })).revision);
      }
    } finally {
      running = false;
    }
    await Promise.all(clients);
    expect(wrong).toEqual([]);
    expect(seen.get(firstVersion)).toBeGreaterThan(10);
    expect(seen.get(secondVersion)).toBeGreaterThan(10);
  });
});

describe('a drain', () => {
  it('finishes what is in flight, stores its decisions and withdraws from the registry', async () => {
    const other = await stage.serve({ MILLRACE_SERVING_PROCESS: 'draining' });
    await expect.poll(() => other.dataPlane.model('delay').router.routes.champion !== null, { timeout: 15_000 }).toBe(true);
    const answers = Array.from({ length: 20 }, () => other.dataPlane.predict('delay', [instance], { asOf }));
    const stopped = other.stop();
    const ids = (await Promise.all(answers)).map(([prediction]) => prediction?.decisionId);
    await stopped;
    const stored = new Set((await decisionsInKafka(stage)).map(({ id }) => id));
    expect(ids.every((id) => id !== undefined && stored.has(id))).toBe(true);
    expect((await stage.registry.liveServing('delay')).map((report) => report.process)).not.toContain('draining');
    await expect(other.dataPlane.predict('delay', [instance])).rejects.toMatchObject({ code: 'SERVING_DRAINING' });
  });
});

/** Every decision that the topic holds. */
async function decisionsInKafka({ kafka, names }: ServingStage): Promise<Decision[]> {
  const topic = names.decisionTopic();
  const ends = await kafka.topicOffsets(topic);
  const wanted = ends.reduce((sum, { end }) => sum + end, 0);
  let messages = 0;
  const found: Decision[] = [];
  const consumer = await kafka.startConsumer({
    groupId: `${names.namespace}.test.${Math.random()}`,
    topics: [topic],
    positionOf: () => Promise.resolve(0),
    onBatch: (batch) => {
      for (const { value } of batch.messages) if (value !== null) found.push(...readDecisionFrame(value));
      messages += batch.messages.length;
      return Promise.resolve(undefined);
    },
  });
  await expect.poll(() => messages, { timeout: 15_000 }).toBeGreaterThanOrEqual(wanted);
  await consumer.stop();
  return found;
}
