import { expect, test } from 'vitest';
import { createEchoServer } from '../../../support/serving/echo-server.ts';

/** What 1 MiB holds of the shortest elements and keys. */
const ELEMENTS = 500_000;
const KEYS = 100_000;
const ANSWER_LENGTH_MAX = 25_000;

const app = createEchoServer({});
const list = (count: number, element = '0'): string => `[${new Array<string>(count).fill(element).join(',')}]`;
const record = (count: number, value = '[]'): string => `{${Array.from({ length: count }, (_, i) => `"${i.toString(36)}":${value}`).join(',')}}`;
const input = '{"name":"f","datatype":"FP32","shape":[1],"data":[1]}';
const named = (length: number): string => JSON.stringify({ name: 'n'.repeat(length), datatype: 'X', shape: [1], data: [1] });

test.each<[what: string, url: string, body: string, problem: string]>([
  ['views', '/v1/features/online', `{"views":${list(ELEMENTS)},"entities":[]}`, 'views: Too big: expected array to have <=1024 items'],
  ['features', '/v1/features/historical', `{"features":${list(ELEMENTS)},"spine":[]}`, 'features: Too big: expected array to have <=1024 items'],
  ['fields', '/v1/features/online', `{"views":[],"entities":[],${record(KEYS).slice(1)}`, 'body: Unrecognized keys: "0", "1"'],
  ['parameters of a prediction', '/v1/models/echo/predict', `{"instance":{},"parameters":${record(KEYS)}}`, 'parameters: expected at most 32 parameters, found 100000'],
  ['features to include', '/v1/models/echo/predict', `{"instance":{},"include":{"features":${list(ELEMENTS)}}}`, 'include.features: expected true, false or 1 to 1024 names'],
  ['parameters of an inference', '/v2/models/echo/infer', `{"inputs":[${input}],"parameters":${record(KEYS)}}`, 'parameters: expected at most 32 parameters, found 100000'],
  ['parameters of an input', '/v2/models/echo/infer', `{"inputs":[${input.replace('"data"', `"parameters":${record(KEYS, '0')},"data"`)}]}`, 'inputs.0.parameters: expected at most 32 parameters, found 100000'],
  ['inputs', '/v2/models/echo/infer', `{"inputs":${list(ELEMENTS)}}`, 'inputs: Too big'],
  ['outputs', '/v2/models/echo/infer', `{"inputs":[${input}],"outputs":${list(ELEMENTS)}}`, 'outputs: Too big'],
  ['sizes of a shape', '/v2/models/echo/infer', `{"inputs":[${input.replace('[1]', list(ELEMENTS))}]}`, 'inputs.0.shape: Too big'],
  ['characters of names', '/v2/models/echo/infer', `{"inputs":${list(64, named(15_000))}}`, "...': expected a datatype of"],
  ['characters of a priority', '/v2/models/echo/infer', `{"inputs":[${input}],"parameters":{"priority":"${'x'.repeat(ELEMENTS)}"}}`, "found text 'xxxx"],
])('a body of too many %s is told so in a few words', async (_what, url, payload, problem) => {
  const answer = await app.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json' } });
  expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([400, 'REQUEST_INVALID']);
  expect(answer.json<{ error: string }>().error).toContain(problem);
  expect(answer.body.length).toBeLessThan(ANSWER_LENGTH_MAX);
});

test('of the problems of a body the first fifty are listed, the rest is counted', async () => {
  const answer = await app.inject({ method: 'POST', url: '/v1/features/online', payload: { views: new Array(60).fill(0), entities: [] } });
  const { error } = answer.json<{ error: string }>();
  expect(error).toContain('views.49: Invalid input: expected string, received number; and 10 more. Send');
});

test('a moment that is none is told with what was expected and found', async () => {
  const answer = await app.inject({ method: 'POST', url: '/v1/models/echo/predict', payload: { instance: {}, asOf: 'yesterday' } });
  expect(answer.json()).toMatchObject({
    error: expect.stringContaining("asOf: expected whole ms since the epoch from -210863520000000 to 8640000000000000, or an instant such as '2026-01-31T12:00:00Z' with its zone, found text 'yesterday'"),
  });
});
