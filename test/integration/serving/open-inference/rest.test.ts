import { request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { RunningServing } from '../../../../serving/start-serving.ts';
import { createServingStage, WEIGHTS, type ServingStage } from '../../../support/serving/serving-stage.ts';
import { tinyScore, type TinyModel } from '../../../support/serving/tiny-onnx.ts';

const tiny: TinyModel = { weights: WEIGHTS, bias: 0 };
const unbounded: TinyModel = { weights: [1e38, 0, 0, 0], bias: 0 };
const row = [2, 40, 500, 3];
const features = { name: 'features', shape: [1, 4], datatype: 'FP32', data: row };
const BODY_BYTES_MAX = 100_000;

let stage: ServingStage;
let serving: RunningServing;
let champion: number;
let canary: number;

beforeAll(async () => {
  stage = await createServingStage();
  champion = await stage.register(tiny);
  canary = await stage.register(unbounded);
  serving = await stage.serve({ MILLRACE_SERVING_BODY_BYTES_MAX: String(BODY_BYTES_MAX) });
});
afterAll(() => stage.close());

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly error: string; readonly code: string; readonly [more: string]: unknown };
}

async function post(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(`${serving.url}${path}`, { method: 'POST', headers, body: body as string });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
}
const infer = (body: unknown, headers: Record<string, string> = {}, version = '') =>
  post(`/v2/models/delay${version}/infer`, typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body), headers);
const get = async (path: string) => {
  const response = await fetch(`${serving.url}${path}`);
  return { status: response.status, body: await response.json() };
};

describe('before a version was promoted', () => {
  it('the server is live and ready, the model is not', async () => {
    await vi.waitFor(async () => expect((await get('/v2/health/ready')).status).toBe(200), { timeout: 30_000 });
    expect(await get('/v2/health/live')).toEqual({ status: 200, body: { live: true } });
    expect(await get('/v2/models/delay/ready')).toEqual({ status: 503, body: { name: 'delay', ready: false } });
    expect(await infer({ inputs: [features] })).toMatchObject({ status: 503, body: { code: 'MODEL_NOT_READY' } });
    expect(await post('/v2/repository/index', '')).toMatchObject({ status: 200, body: [] });
  });
});

describe('with a champion and a canary', () => {
  beforeAll(async () => {
    await stage.allocate({ champion, canary: { version: canary, share: 0.5 } });
    await vi.waitFor(() => expect(serving.dataPlane.model('delay').router.routes.canary).not.toBeNull(), { timeout: 30_000 });
  });

  it('raw tensors go to the champion, which is named with its digest', async () => {
    const { status, headers, body } = await infer({ id: 'a1', inputs: [features] });
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json']);
    expect(body).toEqual({
      model_name: 'delay',
      model_version: String(champion),
      id: 'a1',
      parameters: { variant: 'champion', digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
      outputs: [
        { name: 'score', datatype: 'FP32', shape: [1], data: [expect.closeTo(tinyScore(tiny, row), 5) as number] },
        { name: 'label', datatype: 'BOOL', shape: [1], data: [tinyScore(tiny, row) >= 0.5] },
      ],
    });
  });

  it('a version answers where it is named, also with null for NaN and lists in lists', async () => {
    const inputs = [{ ...features, shape: [2, 4], data: [[-1, null, 3, 4], [1, 2, 3, 4]] }];
    const { body } = await infer({ inputs, outputs: [{ name: 'score' }] }, {}, `/versions/${canary}`);
    expect(body).toMatchObject({ model_version: String(canary), parameters: { variant: 'canary' }, outputs: [{ data: [0, 1] }] });
    expect((await get(`/v2/models/delay/versions/${canary}/ready`)).status).toBe(200);
    expect(await get('/v2/models/delay/versions/77/ready')).toMatchObject({ status: 503 });
  });

  it('the index tells what is loaded, and nothing that was asked for wrongly', async () => {
    const all = [champion, canary].map((version) => ({ name: 'delay', version: String(version), state: 'READY', reason: '' }));
    expect((await post('/v2/repository/index', '{"ready":true}')).body).toEqual(all);
    expect(await post('/v2/repository/index', '{"ready":1}')).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
    expect(await post('/v2/repository/index', '{')).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
  });

  it('no decision is stored, and metrics count the rows', async () => {
    const text = await (await fetch(`${serving.url}/metrics`)).text();
    expect(text).toMatch(/millrace_predictions_total\{model="delay",variant="champion"[^}]*\} [1-9]/);
    expect(text).toMatch(/millrace_decisions_stored_total(\{[^}]*\})? 0/);
  });

  const wrong: [what: string, body: unknown, headers: Record<string, string>, why: string][] = [
    ['a body that is no JSON', '{"inputs": [', {}, 'body: '],
    ['the literal NaN', JSON.stringify({ inputs: [features] }).replace('500', 'NaN'), {}, 'body: '],
    ['no body', '', {}, 'body: '],
    ['a list', '[]', {}, 'body: '],
    ['no inputs', { inputs: [] }, {}, 'inputs: '],
    ['too many inputs', { inputs: Array.from({ length: 65 }, () => features) }, {}, 'inputs: '],
    ['a datatype that there is not', { inputs: [{ ...features, datatype: 'FP8' }] }, {}, "found 'FP8'"],
    ['a negative size', { inputs: [{ ...features, shape: [-1, 4] }] }, {}, 'inputs.0.shape.0'],
    ['nine dimensions', { inputs: [{ ...features, shape: [1, 1, 1, 1, 1, 1, 1, 1, 4] }] }, {}, 'inputs.0.shape'],
    ['too few elements', { inputs: [{ ...features, data: [1, 2, 3] }] }, {}, "input 'features': expected 4 elements, found 3"],
    ['a text for a number', { inputs: [{ ...features, data: [1, 2, 3, '4'] }] }, {}, 'element 3: expected a number or null'],
    ['no data', { inputs: [{ ...features, data: undefined }] }, {}, 'found nothing'],
    ['an input twice', { inputs: [features, features] }, {}, "input 'features': it is there twice"],
    ['another input', { inputs: [{ ...features, name: 'x' }] }, {}, "input 'x': the model takes 'features'; input 'features': it is missing"],
    ['another number of columns', { inputs: [{ ...features, shape: [2, 2] }] }, {}, 'expected shape [-1, 4], found [2, 2]'],
    ['an output twice', { inputs: [features], outputs: [{ name: 'score' }, { name: 'score' }] }, {}, 'one is named twice'],
    ['classification', { inputs: [features], outputs: [{ name: 'score', parameters: { classification: 2 } }] }, {}, 'classification is not answered'],
    ['a timeout that is none', { inputs: [features], parameters: { timeout: -1 } }, {}, 'parameters.timeout: expected microseconds'],
    ['a header that is no timeout', { inputs: [features] }, { 'x-request-timeout': 'soon' }, 'header X-Request-Timeout'],
    ['JSON longer than the body', { inputs: [features] }, { 'inference-header-content-length': '99999' }, 'Inference-Header-Content-Length'],
    ['bytes that nothing counts', Buffer.concat([Buffer.from(JSON.stringify({ inputs: [features] })), Buffer.alloc(3)]),
      { 'inference-header-content-length': String(JSON.stringify({ inputs: [features] }).length) }, '3 bytes follow'],
    ['a size beyond the body', { inputs: [{ ...features, data: undefined, parameters: { binary_data_size: 16 } }] }, {}, 'reaches beyond the 0 bytes'],
    ['a coding that there is not', { inputs: [features] }, { 'content-encoding': 'br' }, 'expected gzip or deflate'],
    ['bytes that are no gzip', 'no gzip', { 'content-encoding': 'gzip' }, 'incorrect header check'],
  ];
  it.each(wrong)('%s is refused with the reason', async (_what, body, headers, why) => {
    const { status, body: answer } = await infer(body, headers);
    expect([status, answer.code]).toEqual([400, 'REQUEST_INVALID']);
    expect(answer.error).toContain(why);
  });

  it('a body that is too long, or unpacks to one, is refused', async () => {
    const long = JSON.stringify({ inputs: [features], id: ' '.repeat(BODY_BYTES_MAX) });
    expect(await infer(long)).toMatchObject({ status: 413, body: { code: 'REQUEST_TOO_LARGE' } });
    const bomb = gzipSync(Buffer.alloc(50 * BODY_BYTES_MAX));
    expect(await infer(bomb, { 'content-encoding': 'gzip' })).toMatchObject({ status: 413, body: { code: 'REQUEST_TOO_LARGE' } });
  });

  it('a body as deep as its length lets it is refused, and the server stays up', async () => {
    const data = `${'['.repeat(40_000)}${']'.repeat(40_000)}`;
    const body = `{"inputs":[{"name":"features","shape":[1,4],"datatype":"FP32","data":${data}}]}`;
    expect(await infer(body)).toMatchObject({ status: 400, body: { code: 'REQUEST_INVALID' } });
    expect((await infer({ inputs: [features] })).status).toBe(200);
  });

  it('a body that is cut off is no prediction, and the server stays up', async () => {
    const url = new URL('/v2/models/delay/infer', serving.url);
    await new Promise<void>((resolve) => {
      const request = httpRequest(url, { method: 'POST', headers: { 'content-length': 500 } });
      request.on('error', () => resolve());
      request.write('{"inputs":[');
      setTimeout(() => request.destroy(), 50);
    });
    expect((await infer({ inputs: [features] })).status).toBe(200);
  });

  it('a score that is no number is no answer', async () => {
    const inputs = [{ ...features, data: [null, 1, 2, 3] }];
    expect((await infer({ inputs })).status).toBe(200);
    // Infinity in binary: 1e38 times it, and minus it.
    const binary = Buffer.from(Float32Array.of(Infinity, -Infinity, 0, 0).buffer);
    const json = Buffer.from(JSON.stringify({ inputs: [{ ...features, data: undefined, parameters: { binary_data_size: 16 } }] }));
    const headers = { 'inference-header-content-length': String(json.length) };
    expect(await infer(Buffer.concat([json, binary]), headers)).toMatchObject({ status: 500, body: { code: 'SERVING_SCORE_INVALID' } });
  });
});
