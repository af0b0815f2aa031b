import { Client, credentials, status, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { startGrpcServer, type GrpcServer } from '../../../../serving/grpc/create-grpc-server.ts';
import type { GrpcService } from '../../../../serving/grpc/grpc-service.ts';
import { createInferenceService } from '../../../../serving/grpc/inference-service.ts';
import { InferStream, STREAM_REQUESTS_MAX, type InferCall } from '../../../../serving/grpc/infer-stream.ts';
import type { InferAnswer, InferRequest } from '../../../../serving/inference/infer-request.ts';
import type { ModelControl } from '../../../../serving/inference/model-control.ts';
import type { OpenInference } from '../../../../serving/inference/open-inference.ts';
import { INFERENCE_SERVICE, type WireStreamAnswer } from '../../../../src/contracts/inference.ts';
import { MillraceError } from '../../../../src/core/millrace-error.ts';
import { inferenceProto, loadProto, serviceOf } from '../../../../src/infra/load-proto.ts';
import { createLogger } from '../../../../src/infra/logger.ts';
import { openControl } from '../../../support/access-stage.ts';

const logger = createLogger('test', 'silent');
const RECEPTION_MS = 200;
const { path, requestSerialize, responseDeserialize } = serviceOf(loadProto(inferenceProto), INFERENCE_SERVICE)['ModelStreamInfer']!;
const tensor = { name: 'x', datatype: 'FP32', shape: [1], contents: { fp32Contents: [1] } };

interface Taken {
  readonly request: InferRequest;
  readonly answer: () => void;
  readonly fail: (error: Error) => void;
}

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function serve(service: GrpcService): Promise<GrpcServer> {
  const limits = { messageBytesMax: 1024 * 1024, keepAliveMs: 60_000, receptionMsMax: RECEPTION_MS };
  const server = await startGrpcServer({ host: '127.0.0.1', port: 0, ...limits, services: [service], access: openControl(), logger });
  open.push(() => server.drain(sleep(0)));
  return server;
}

function call(server: GrpcServer, deadlineMs = 20_000, serialize = requestSerialize) {
  const client = new Client(server.address, credentials.createInsecure());
  open.push(() => client.close());
  const stream = client.makeBidiStreamRequest(path, serialize, responseDeserialize, { deadline: Date.now() + deadlineMs }) as ClientDuplexStream<unknown, WireStreamAnswer>;
  const answers: WireStreamAnswer[] = [];
  stream.on('data', (answer: WireStreamAnswer) => answers.push(answer));
  const ended = new Promise<ServiceError | null>((resolve) => {
    stream.on('error', (error: ServiceError) => resolve(error));
    stream.on('end', () => resolve(null));
  });
  const send = (id: string, over: object = {}): boolean => stream.write({ modelName: 'm', id, inputs: [tensor], ...over });
  const ids = (): (string | undefined)[] => answers.map(({ inferResponse }) => inferResponse.id);
  return { stream, answers, ended, send, ids };
}

/** Inferences that end when the test says so. */
async function setUp() {
  const taken: Taken[] = [];
  const infer = (request: InferRequest) =>
    new Promise<InferAnswer>((resolve, reject) => {
      const answer = (): void => resolve({ model: 'm', version: 1, role: 'champion', digest: 'd', id: request.id, outputs: [] });
      taken.push({ request, answer, fail: reject });
    });
  const inference = { infer, reading: (_model: string, read: () => unknown) => read() } as unknown as OpenInference;
  const server = await serve(createInferenceService({ inference, modelControl: {} as ModelControl, timeoutMsMax: 30_000, traceOfCall: () => undefined, logger }));
  return { taken, server };
}

describe('a stream of inference requests', () => {
  it('is answered in order, whichever runs end first, and a failed one within it', async () => {
    const { taken, server } = await setUp();
    const { stream, answers, ended, send, ids } = call(server);
    for (const id of ['a', 'b', 'c', 'd']) send(id);
    send('e', { inputs: [] });
    await expect.poll(() => taken.length).toBe(4);
    taken[3]!.answer();
    taken[2]!.fail(new Error('a secret'));
    taken[1]!.fail(new MillraceError('SERVING_OVERLOADED', 'too much'));
    await sleep(50);
    expect(answers).toEqual([]);
    taken[0]!.answer();
    stream.end();
    expect(await ended).toBeNull();
    expect(ids()).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(answers.map(({ errorMessage }) => errorMessage)).toEqual([
      '',
      'too much',
      expect.stringMatching(/ModelStreamInfer failed unexpectedly/),
      '',
      expect.stringMatching(/expected 1 to 64 tensors, found 0/),
    ]);
  });

  it('has as many requests under way as it may, and takes more as they are answered', async () => {
    const { taken, server } = await setUp();
    const { stream, ended, send, ids } = call(server);
    const sent = Array.from({ length: 3 * STREAM_REQUESTS_MAX }, (_, n) => String(n));
    for (const id of sent) send(id);
    stream.end();
    await expect.poll(() => taken.length).toBeGreaterThanOrEqual(STREAM_REQUESTS_MAX);
    await sleep(100);
    // What the library had read by then still comes.
    expect(taken.length).toBeLessThan(STREAM_REQUESTS_MAX + 4);
    for (let n = 0; n < sent.length; n++) {
      await expect.poll(() => taken.length).toBeGreaterThan(n);
      taken[n]!.answer();
    }
    expect(await ended).toBeNull();
    expect(ids()).toEqual(sent);
  });

  it('may wait for its first request, and its deadline is not that of each', async () => {
    const { taken, server } = await setUp();
    const far = call(server, 60_000);
    const near = call(server, 5_000);
    await sleep(2 * RECEPTION_MS);
    far.send('far');
    near.send('near');
    far.send('quick', { parameters: { timeout: { int64Param: 1_000 } } });
    await expect.poll(() => taken.length).toBe(3);
    const timeouts = Object.fromEntries(taken.map(({ request: { id, timeoutMs } }) => [id, timeoutMs]));
    expect(timeouts).toEqual({ far: undefined, near: expect.any(Number), quick: 1 });
    expect(timeouts['near']).toBeLessThan(5_000);
  });

  it('leaves the queues with its caller', async () => {
    const { taken, server } = await setUp();
    const { stream, ended, send } = call(server);
    send('a');
    send('b');
    await expect.poll(() => taken.length).toBe(2);
    stream.cancel();
    expect((await ended)?.code).toBe(status.CANCELLED);
    await expect.poll(() => taken.map(({ request }) => request.departure?.gone)).toEqual([true, true]);
  });

  it('is ended where bytes are no message', async () => {
    const { taken, server } = await setUp();
    const { ended, send, stream } = call(server, 20_000, (value: unknown) => (Buffer.isBuffer(value) ? value : requestSerialize(value)));
    send('a');
    await expect.poll(() => taken.length).toBe(1);
    stream.write(Buffer.from([0xff, 0xff, 0xff]));
    expect(await ended).toMatchObject({ code: status.INVALID_ARGUMENT, details: expect.stringContaining('are not its message') as string });
    // What it had taken is answered to nobody.
    await expect.poll(() => taken[0]!.request.departure?.gone).toBe(true);
    taken[0]!.answer();
    const next = call(server);
    next.send('b');
    await expect.poll(() => taken.length).toBe(2);
    taken[1]!.answer();
    await expect.poll(() => next.ids()).toEqual(['b']);
  });

  it('answers what it has taken when the process shuts down, and is ended then', async () => {
    const { taken, server } = await setUp();
    const { ended, send, ids } = call(server);
    send('a');
    send('b');
    await expect.poll(() => taken.length).toBe(2);
    const drained = server.drain(sleep(10_000));
    await sleep(50);
    for (const { answer } of taken) answer();
    expect(await ended).toMatchObject({ code: status.UNAVAILABLE, details: expect.stringContaining('shutting down') as string });
    expect(ids()).toEqual(['a', 'b']);
    await drained;
  });

  it('is ended where nothing comes for long', async () => {
    const idleMsMax = 100;
    const answer = async ({ id }: { id: string }): Promise<WireStreamAnswer> => ({ errorMessage: '', inferResponse: { id } });
    const { handlers, ...service } = createInferenceService({ inference: {} as OpenInference, modelControl: {} as ModelControl, timeoutMsMax: 1, traceOfCall: () => undefined, logger });
    const ModelStreamInfer = (found: InferCall): unknown => new InferStream(found, { answer, onEnd: () => undefined, idleMsMax });
    const server = await serve({ ...service, handlers: { ...handlers, ModelStreamInfer: ModelStreamInfer as never } });
    const { ended, send, ids } = call(server);
    for (const id of ['a', 'b', 'c']) {
      send(id);
      await sleep(idleMsMax / 2);
    }
    expect(await ended).toMatchObject({ code: status.DEADLINE_EXCEEDED, details: expect.stringContaining('no request came for 0.1 s') as string });
    expect(ids()).toEqual(['a', 'b', 'c']);
  });
});
