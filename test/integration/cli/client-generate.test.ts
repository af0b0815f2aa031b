import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest';
import { runCommand } from '../../../cli/main.ts';
import type { RunningServing } from '../../../serving/start-serving.ts';
import { createServingStage, WEIGHTS, type ServingStage } from '../../support/serving/serving-stage.ts';
import { tinyScore, type TinyModel } from '../../support/serving/tiny-onnx.ts';

const tiny: TinyModel = { weights: WEIGHTS, bias: 0.5 };
const COMPILE_MS_MAX = 120_000;
const asOf = Date.UTC(2013, 5, 1, 12);
const instance = { flightId: 'F1', origin: 'JFK', carrier: 'UA', distance: 500 };

interface Generated {
  createClient(options: { url: string; timeoutMs?: number; attemptsMax?: number }): {
    predict(model: string, instances: readonly object[], options?: object): Promise<Record<string, unknown>[]>;
    predictOne(model: string, one: object, options?: object): Promise<Record<string, unknown>>;
  };
  readonly generatedFrom: object;
}

let stage: ServingStage;
let serving: RunningServing;
let file: string;
let generated: Generated;

/** Problems that a strict compiler has with a program beside the generated file, by line of the program; undefined: elsewhere. */
function problemsOf(lines: readonly string[]): Map<number | undefined, string[]> {
  const entry = path.join(path.dirname(file), 'program.ts');
  const head = ["import { createClient } from './millrace-client.ts';", "const client = createClient({ url: '' });"];
  writeFileSync(entry, [...head, ...lines].join('\n'));
  const options: ts.CompilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noUnusedLocals: true,
    allowImportingTsExtensions: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts'],
    types: [],
  };
  const problems = new Map<number | undefined, string[]>();
  for (const { file: where, start, messageText } of ts.getPreEmitDiagnostics(ts.createProgram([entry], options))) {
    const isHere = where !== undefined && start !== undefined && where.fileName === entry;
    const line = isHere ? where.getLineAndCharacterOfPosition(start).line - head.length : undefined;
    problems.set(line, [...(problems.get(line) ?? []), ts.flattenDiagnosticMessageText(messageText, ' ')]);
  }
  return problems;
}

/** A server of the test's own that answers as it says, and the client at it. */
async function clientAt(listener: RequestListener, options: { timeoutMs?: number; attemptsMax?: number } = {}) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return generated.createClient({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ...options });
}

beforeAll(async () => {
  stage = await createServingStage();
  await stage.fold('JFK', [{ at: asOf - 60_000, delayMinutes: 30 }]);
  await stage.allocate({ champion: await stage.register(tiny) });
  serving = await stage.serve();
  await vi.waitFor(() => expect(serving.dataPlane.model('delay').router.routes.champion).not.toBeNull(), { timeout: 30_000, interval: 50 });
  Object.assign(process.env, {
    MILLRACE_NAMESPACE: stage.config.namespace,
    MILLRACE_DATA_DIR: stage.config.dataDir,
    MILLRACE_PROJECT: fileURLToPath(new URL('../../support/serving/tiny-project-file.ts', import.meta.url)),
    MILLRACE_POSTGRES_URL: stage.config.postgresUrl,
  });
  file = path.join(stage.config.dataDir, 'millrace-client.ts');
  const said: string[] = [];
  const sink = { write: (text: string) => said.push(text) };
  const exitCode = await runCommand({ argv: ['client', 'generate', '--out', file], stdout: sink, stderr: sink, signal: new AbortController().signal });
  expect([exitCode, said.join('')]).toEqual([0, expect.stringContaining('delay: version 1')]);
  const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } });
  writeFileSync(file.replace(/ts$/, 'mjs'), outputText);
  generated = (await import(/* @vite-ignore */ pathToFileURL(file.replace(/ts$/, 'mjs')).href)) as Generated;
});
afterAll(() => stage.close());

test('it asks a serving process, by the options that a request may have', async () => {
  const client = generated.createClient({ url: serving.url, timeoutMs: 20_000 });
  const [first, second] = await client.predict('delay', [instance, { ...instance, distance: 100 }], { asOf: new Date(asOf), include: { features: true, ages: true, explanation: true } });
  expect(first).toMatchObject({
    score: expect.closeTo(tinyScore(tiny, [1, 30, 500, 3]), 5) as number,
    version: 1,
    features: { 'origin_departures.departed1h': 1, distance: 500, carrier: 'UA' },
    views: [{ view: 'origin_departures', ageMs: 60_000 }],
    explanation: { threshold: 0.5 },
  });
  expect(second?.['score']).toBeCloseTo(tinyScore(tiny, [1, 30, 100, 3]), 5);
  expect(await client.predictOne('delay', instance, { outputs: ['score'] })).not.toHaveProperty('label');
  expect(generated.generatedFrom).toMatchObject({ delay: { version: 1, service: 'delay_service' } });
  await expect(client.predictOne('nobody', instance)).rejects.toMatchObject({ status: 404, code: 'MODEL_NOT_FOUND', attempts: 1 });
});

test('429 and 503 are asked again after Retry-After, nothing else is, and no longer than the deadline', async () => {
  const asked: number[] = [];
  const answers: readonly [status: number, retryAfter?: string][] = [[429, '1'], [503], [200]];
  const client = await clientAt((request, response) => {
    const [status, retryAfter] = answers[asked.push(Date.now()) - 1]!;
    request.resume();
    response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter });
    response.end(JSON.stringify(status === 200 ? { predictions: [{ score: 1 }] } : { error: 'full', code: 'SERVING_OVERLOADED' }));
  }, { timeoutMs: 20_000 });
  expect(await client.predictOne('delay', instance)).toEqual({ score: 1 });
  expect(asked).toHaveLength(3);
  expect(asked[1]! - asked[0]!).toBeGreaterThanOrEqual(995);

  let count = 0;
  const full = await clientAt((_request, response) => {
    count++;
    response.writeHead(429, { 'retry-after': '60' }).end('{"error":"full","code":"SERVING_OVERLOADED"}');
  }, { timeoutMs: 5_000 });
  await expect(full.predictOne('delay', instance)).rejects.toMatchObject({ name: 'PredictionError', status: 429, code: 'SERVING_OVERLOADED', attempts: 1 });
  const broken = await clientAt((_request, response) => {
    count++;
    response.writeHead(500).end('not JSON');
  });
  await expect(broken.predictOne('delay', instance)).rejects.toMatchObject({ status: 500, attempts: 1 });
  expect(count).toBe(2);
});

test('a call without an answer ends at its deadline, and one that is given up at once', async () => {
  let timeout: string | string[] | undefined;
  const client = await clientAt((request) => {
    timeout = request.headers['x-request-timeout'];
  }, { timeoutMs: 200 });
  await expect(client.predictOne('delay', instance)).rejects.toMatchObject({ status: 0, code: 'SERVING_DEADLINE_EXCEEDED' });
  expect(Number(timeout)).toBeLessThanOrEqual(200);
  const stop = new AbortController();
  const given = client.predictOne('delay', instance, { timeoutMs: 60_000, signal: stop.signal });
  stop.abort();
  await expect(given).rejects.toMatchObject({ code: 'ABORTED' });
  await expect(generated.createClient({ url: 'http://127.0.0.1:1' }).predictOne('delay', instance)).rejects.toMatchObject({ code: 'PROCESS_UNREACHABLE' });
});

// Last, because a compiler at work in this process holds up the server that the others ask.
test('the generated file compiles strictly, and knows keys, fields, features and chosen outputs', () => {
  const fields = `origin: 'JFK', carrier: 'UA', distance: 5`;
  const programs: readonly [program: string, problem: RegExp | null][] = [
    [`export const one = await client.predictOne('delay', { ${fields}, flightId: 'F1', at: Date.now() }, { outputs: ['label'], include: { features: ['distance'] } });`, null],
    ['export const label: boolean = one.label;', null],
    ['export const distance: number | string | null | undefined = one.features?.distance;', null],
    ['one.score;', /'score' does not exist/],
    [`await client.predictOne('dely', { ${fields} });`, /"dely"/],
    [`await client.predictOne('delay', { origin: 'JFK', carrier: 'UA' });`, /'distance' is missing/],
    [`await client.predictOne('delay', { origin: 7, carrier: 'UA', distance: 5 });`, /'number' is not assignable to type 'string'/],
    [`await client.predictOne('delay', { ${fields}, distence: 6 });`, /'distence' does not exist/],
    [`await client.predictOne('delay', { ${fields} }, { include: { features: ['nothing'] } });`, /"nothing"/],
  ];
  const problems = problemsOf(programs.map(([program]) => program));
  programs.forEach(([program, problem], line) => {
    const found = problems.get(line) ?? [];
    if (problem === null) expect([program, found]).toEqual([program, []]);
    else expect(found.join('\n')).toMatch(problem);
  });
  expect(problems.get(undefined)).toBeUndefined();
}, COMPILE_MS_MAX);
