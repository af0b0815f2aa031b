import path from 'node:path';
import { afterEach, beforeEach, expect, vi } from 'vitest';
import { INFERENCE_SERVICE } from '../../../../src/contracts/inference.ts';
import { inferenceProto } from '../../../../src/infra/load-proto.ts';
import { createGrpcCaller, type GrpcOutcome } from '../../../support/serving/grpc-caller.ts';
import { createServingStage, WEIGHTS } from '../../../support/serving/serving-stage.ts';
import { troubledGolden, troubledOnnx } from '../../../support/serving/troubled-onnx.ts';
import { startServingUnderTest } from '../../../swaps/serving-under-test.ts';

const PROGRAM = new URL('serving-process.ts', import.meta.url);
const READY_MS = 60_000;
/** Between two good requests of the stream. */
const STEADY_EVERY_MS = 20;
/** Beyond anything that a busy machine takes for a good one. */
const PATIENCE_MS = 20_000;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: { readonly error: string; readonly code: string; readonly predictions: { readonly score: number }[] };
}

/** A serving process of its own with a good model and a troubled one, and good requests to the first all the time. */
export async function openRobustnessStage(over: Readonly<Record<string, string>>) {
  const stage = await createServingStage();
  await stage.registry.registerModel('troubled', {});
  await stage.allocate({ champion: await stage.register({ weights: WEIGHTS, bias: 0 }) });
  await stage.allocate({ champion: await stage.register(troubledOnnx(), { model: 'troubled' }, troubledGolden) }, 'troubled');
  const serving = await startServingUnderTest(stage.config, path.join(stage.config.dataDir, 'serving.log'), { MILLRACE_SERVING_TIMEOUT_MS: String(PATIENCE_MS), ...over }, PROGRAM);
  const caller = createGrpcCaller(serving.grpcAddress, inferenceProto, INFERENCE_SERVICE);

  const post = async (url: string, body: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Answer> => {
    const response = await fetch(`${serving.url}${url}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' || body instanceof Uint8Array ? (body as string) : JSON.stringify(body),
      ...(signal === undefined ? {} : { signal }),
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Answer['body'] };
  };
  /** One instance of either model; `distance` is what the troubled one is asked for. */
  const predict = (model: 'delay' | 'troubled', distance = 0, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<Answer> =>
    post(`/v1/models/${model}/predict`, { instance: { origin: 'JFK', carrier: 'UA', distance } }, headers, signal);
  const infer = (model: string, rows: readonly number[], parameters: object = {}): Promise<GrpcOutcome> => {
    const contents = { fp32Contents: rows.flatMap((distance) => [0, 0, distance, 0]) };
    const inputs = [{ name: 'features', datatype: 'FP32', shape: [rows.length, 4], contents }];
    return caller.call('ModelInfer', { modelName: model, inputs, parameters }, PATIENCE_MS);
  };
  await vi.waitFor(async () => expect([(await predict('delay')).status, (await predict('troubled')).status]).toEqual([200, 200]), { timeout: READY_MS, interval: 100 });
  const steady = startSteady(() => predict('delay'), () => infer('delay', [0]));

  return {
    serving,
    caller,
    steady,
    post,
    predict,
    infer,
    /** Value of a metric of one model. */
    async metric(name: string, model: string): Promise<number> {
      const text = await (await fetch(`${serving.url}/metrics`)).text();
      return Number(new RegExp(`^${name}\\{model="${model}"[^}]*\\} ([\\d.]+)`, 'm').exec(text)?.[1]);
    },
    async close(): Promise<void> {
      await steady.stop();
      caller.close();
      await serving.stop();
      await stage.close();
    },
  };
}

export type RobustnessStage = Awaited<ReturnType<typeof openRobustnessStage>>;

/** Good requests to the good model, over HTTP and gRPC, one after the other for as long as all the rest goes on. */
function startSteady(overHttp: () => Promise<Answer>, overGrpc: () => Promise<GrpcOutcome>) {
  const failures: unknown[] = [];
  let answered = 0;
  let running = true;
  const loop = async (ask: () => Promise<string | null>): Promise<void> => {
    while (running) {
      const failure = await ask().catch((error: unknown) => String(error));
      if (failure === null) answered++;
      else failures.push(failure);
      await new Promise((resolve) => setTimeout(resolve, STEADY_EVERY_MS));
    }
  };
  const loops = [
    loop(async () => {
      const { status, body } = await overHttp();
      return status === 200 ? null : `HTTP ${status}: ${body.error}`;
    }),
    loop(async () => (await overGrpc()).error?.message ?? null),
  ];
  return {
    failures,
    get answered(): number {
      return answered;
    },
    async stop(): Promise<void> {
      running = false;
      await Promise.all(loops);
    },
  };
}

/** Holds each test of the file to it that requests to another model were answered meanwhile, none failed, and the process is up. */
export function othersGoOn(stage: () => RobustnessStage): void {
  let before: number;
  beforeEach(() => {
    before = stage().steady.answered;
  });
  afterEach(async () => {
    const { steady, serving } = stage();
    await expect.poll(() => steady.answered).toBeGreaterThan(before);
    expect(steady.failures).toEqual([]);
    expect(serving.running).toBe(true);
  });
}
