import { createInterface } from 'node:readline';
import { request as httpRequest } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { RunningServing } from '../../../serving/start-serving.ts';
import { createServingStage, WEIGHTS, type ServingStage } from '../../support/serving/serving-stage.ts';
import { tinyScore, type TinyModel } from '../../support/serving/tiny-onnx.ts';

const tiny: TinyModel = { weights: WEIGHTS, bias: 0.5 };
const LINES = 100_000;
const MIB = 1024 * 1024;
const HEAP_GROWTH_MIB_MAX = 96;
const LINES_MAX = 256;
/** What the kernel's buffers of a connection hold, in both directions. */
const BUFFERED_BYTES_MAX = 32 * MIB;
const TEST_MS_MAX = 300_000;

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;
/** What is held: garbage comes and goes by the collector's own measure. */
const heldMib = (): number => {
  collectGarbage();
  return process.memoryUsage().heapUsed / MIB;
};

interface Answer {
  readonly line: number;
  readonly score?: number;
  readonly error?: string;
  readonly code?: string;
  readonly end?: boolean;
}

let stage: ServingStage;
let serving: RunningServing;
const loaded = ({ dataPlane }: RunningServing) =>
  vi.waitFor(() => expect(dataPlane.model('delay').router.routes.champion).not.toBeNull(), { timeout: 30_000, interval: 50 });
const lineOf = (distance: number): string => `${JSON.stringify({ instance: { flightId: 'F1', origin: 'JFK', carrier: 'UA', distance } })}\n`;

/** A bulk prediction: what is sent, and the lines that come back. */
function bulk(url: string, headers: Readonly<Record<string, string>> = {}, model = 'delay') {
  const sending = httpRequest(`${url}/v1/models/${model}/predict/bulk`, { method: 'POST', headers: { 'content-type': 'application/x-ndjson', ...headers } });
  const response = new Promise<NodeJS.ReadableStream & { statusCode?: number }>((resolve, reject) => {
    sending.once('response', resolve);
    sending.once('error', reject);
  });
  return { sending, response };
}

async function* answersOf(response: Promise<NodeJS.ReadableStream>): AsyncGenerator<Answer> {
  for await (const line of createInterface({ input: await response })) yield JSON.parse(line) as Answer;
}

async function all(body: string, headers: Readonly<Record<string, string>> = {}, model = 'delay') {
  const answer = await fetch(`${serving.url}/v1/models/${model}/predict/bulk`, { method: 'POST', headers: { 'content-type': 'application/x-ndjson', ...headers }, body });
  const text = await answer.text();
  return { status: answer.status, answers: text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Answer) };
}

beforeAll(async () => {
  stage = await createServingStage();
  await stage.allocate({ champion: await stage.register(tiny) });
  serving = await stage.serve({
    MILLRACE_SERVING_BULK_LINES_MAX: String(LINES_MAX),
    MILLRACE_SERVING_BULK_LINE_BYTES_MAX: '500',
    MILLRACE_SERVING_BULK_IDLE_MS: '3000',
    MILLRACE_SERVING_BULK_REQUESTS_MAX: '2',
    // Far less than the whole takes: the limit on receiving a request does not hold here.
    MILLRACE_SERVING_TIMEOUT_MS_MAX: '20000',
  });
  await loaded(serving);
});
afterAll(() => stage.close());

test('each line has its answer, in order; what is wrong with one is the answer of that one', async () => {
  const { status, answers } = await all(`${lineOf(100)}\n{"instance":\n${lineOf(200)}{"instance":{"origin":7}}\n{"instance":{},"more":1}\n"${'x'.repeat(600)}"\n${lineOf(300).trim()}`);
  expect(status).toBe(200);
  expect(answers.map(({ line, code }) => [line, code])).toEqual([
    [1, undefined],
    [3, 'REQUEST_INVALID'],
    [4, undefined],
    [5, 'REQUEST_INVALID'],
    [6, 'REQUEST_INVALID'],
    [7, 'REQUEST_TOO_LARGE'],
    [8, undefined],
  ]);
  [[0, 100], [2, 200], [6, 300]].forEach(([at, distance]) => expect(answers[at!]?.score).toBeCloseTo(tinyScore(tiny, [0, 0, distance!, 3]), 5));
  expect(answers[3]?.error).toMatch(/instance: field 'origin'/);
});

test('what can not begin is refused as a whole', async () => {
  const empty = await fetch(`${serving.url}/v1/models/delay/predict/bulk`, { method: 'POST' });
  expect([empty.status, await empty.json()]).toMatchObject([400, { code: 'REQUEST_INVALID' }]);
  expect(await all(lineOf(1), {}, 'nobody')).toMatchObject({ status: 404, answers: [{ code: 'MODEL_NOT_FOUND' }] });
  expect(await all(lineOf(1), { 'x-request-timeout': '-1' })).toMatchObject({ status: 400, answers: [{ code: 'REQUEST_INVALID' }] });
  expect(await all(lineOf(1), { 'content-type': 'text/plain' })).toMatchObject({ status: 415 });
  expect(await all('')).toEqual({ status: 200, answers: [] });
});

test('an answer comes while more lines are still to be sent', async () => {
  const { sending, response } = bulk(serving.url);
  sending.write(lineOf(10));
  const answers = answersOf(response);
  expect((await answers.next()).value).toMatchObject({ line: 1 });
  sending.write(lineOf(20));
  expect((await answers.next()).value).toMatchObject({ line: 2 });
  sending.end();
  expect((await answers.next()).done).toBe(true);
});

test('a hundred thousand lines are answered in order within bounded memory', async () => {
  let peak = 0;
  const before = heldMib();
  const { sending, response } = bulk(serving.url);
  const sent = new Promise<void>((resolve, reject) => {
    const lines = Readable.from((function* () {
      for (let i = 0; i < LINES; i++) yield lineOf(i % 500);
    })());
    sending.once('finish', resolve);
    lines.once('error', reject).pipe(sending);
  });
  let expected = 0;
  for await (const { line, score } of answersOf(response)) {
    expected++;
    if (line !== expected || Math.abs((score ?? NaN) - tinyScore(tiny, [0, 0, (line - 1) % 500, 3])) > 1e-5) throw new Error(`answer ${expected} was of line ${line}: ${score}`);
    if (line % 10_000 === 0) peak = Math.max(peak, heldMib());
  }
  await sent;
  expect(expected).toBe(LINES);
  expect(peak - before).toBeLessThan(HEAP_GROWTH_MIB_MAX);
}, TEST_MS_MAX);

test('a slow reader stops the reading, and one that stops is cut off', async () => {
  const { sending, response } = bulk(serving.url);
  sending.on('error', () => undefined);
  let written = 0;
  const lines = Readable.from((function* () {
    for (;;) {
      written++;
      yield lineOf(1);
    }
  })());
  const cut = new Promise<void>((resolve) => sending.once('close', resolve));
  lines.pipe(sending);
  const paused = await response;
  // A busy machine fills the buffers between the two more slowly; what they hold has the same bound.
  let before: number;
  do {
    before = written;
    await sleep(500);
    expect(written * lineOf(1).length).toBeLessThan(BUFFERED_BYTES_MAX);
  } while (written - before >= LINES_MAX);
  paused.on('error', () => undefined);
  await cut;
  lines.destroy();
}, TEST_MS_MAX);

test('a sender that falls silent gets a last line that says where its rest begins', async () => {
  const { sending, response } = bulk(serving.url);
  sending.on('error', () => undefined);
  sending.write(lineOf(10));
  const found: Answer[] = [];
  for await (const answer of answersOf(response)) found.push(answer);
  expect(found).toMatchObject([{ line: 1 }, { line: 2, code: 'SERVING_BULK_IDLE', end: true }]);
  sending.destroy();
});

test('a caller that goes leaves nothing behind: as many as may be are taken again', async () => {
  const gone = [bulk(serving.url), bulk(serving.url)];
  for (const { sending, response } of gone) {
    sending.on('error', () => undefined);
    sending.write(lineOf(1));
    await answersOf(response).next();
  }
  expect(await all(lineOf(1))).toMatchObject({ status: 429, answers: [{ code: 'SERVING_OVERLOADED' }] });
  for (const { sending } of gone) sending.destroy();
  await expect.poll(async () => (await all(lineOf(1))).status, { timeout: 10_000 }).toBe(200);
});

test('a process that stops ends a bulk with the line where the rest begins', async () => {
  const other = await stage.serve({ MILLRACE_SERVING_RETIRE_MS: '500' });
  await loaded(other);
  const { sending, response } = bulk(other.url);
  sending.on('error', () => undefined);
  sending.write(lineOf(10));
  const answers = answersOf(response);
  expect((await answers.next()).value).toMatchObject({ line: 1 });
  const stopped = other.stop();
  expect((await answers.next()).value).toMatchObject({ line: 2, code: 'SERVING_DRAINING', end: true });
  await stopped;
  sending.destroy();
});
