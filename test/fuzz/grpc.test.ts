import { connect } from 'node:http2';
import { once } from 'node:events';
import { status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FEATURE_STORE_SERVICE } from '../../src/contracts/feature-store.ts';
import { INFERENCE_SERVICE } from '../../src/contracts/inference.ts';
import { featureStoreProto, inferenceProto, loadProto, serviceOf } from '../../src/infra/load-proto.ts';
import type { RunningServing } from '../../serving/start-serving.ts';
import { testScale, testSeed } from '../support/projects/test-scale.ts';
import { createGrpcCaller } from '../support/serving/grpc-caller.ts';
import type { ServingStage } from '../support/serving/serving-stage.ts';
import { openFuzzedServing } from './fuzzed-serving.ts';

const RUNS = 200;
const DEADLINE_MS = 20_000;
const FRAME_HEAD_BYTES = 5;

const features = { views: { names: ['origin_departures'] }, entities: [{ fields: { origin: { text: 'JFK' } } }] };
const tensors = { name: 'features', datatype: 'FP32', shape: [1, 4], contents: { fp32Contents: [2, 40, 500, 3] } };
/** A right request of each method. */
const seeds: Readonly<Record<string, object>> = {
  GetOnlineFeatures: features,
  ServerLive: {},
  ServerReady: {},
  ModelReady: { name: 'delay', version: '1' },
  ServerMetadata: {},
  ModelMetadata: { name: 'delay' },
  ModelInfer: { modelName: 'delay', id: 'a', parameters: { timeout: { int64Param: 1_000_000 } }, inputs: [tensors], outputs: [{ name: 'score' }] },
  ModelStreamInfer: { modelName: 'delay', inputs: [tensors] },
  ModelConfig: { name: 'delay' },
  ModelStatistics: { name: 'delay', version: '1' },
  RepositoryIndex: { ready: true },
  RepositoryModelLoad: { modelName: 'delay' },
  RepositoryModelUnload: { modelName: 'delay' },
};
/** For operators, whom a process without access control can't know: a right request is refused, and nothing else. */
const guarded = ['RepositoryModelLoad', 'RepositoryModelUnload'];
const rightAnswer = (method: string): object =>
  guarded.includes(method) ? { error: { status: status.PERMISSION_DENIED } } : { ok: expect.anything() as unknown };
const methods = [
  [INFERENCE_SERVICE, inferenceProto] as const,
  [FEATURE_STORE_SERVICE, featureStoreProto] as const,
].flatMap(([name, proto]) => Object.entries(serviceOf(loadProto(proto), name)).map(([method, definition]) => ({ name, proto, method, definition })));

let stage: ServingStage;
let serving: RunningServing;
beforeAll(async () => {
  ({ stage, serving } = await openFuzzedServing());
});
afterAll(() => stage.close());

const change = fc.record({ at: fc.nat(), kind: fc.constantFrom('set', 'cut', 'insert', 'drop'), bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }) });

/** Random bytes, or a right message with a few bytes changed. */
const wrongBytes = (right: Buffer): fc.Arbitrary<Buffer> =>
  fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.array(change, { minLength: 1, maxLength: 4 }).map((changes) => changes.reduce(mutate, right)),
  );

function mutate(bytes: Buffer, { at, kind, bytes: more }: { at: number; kind: string; bytes: Uint8Array }): Buffer {
  const place = at % (bytes.length + 1);
  const [head, tail] = [bytes.subarray(0, place), bytes.subarray(place)];
  if (kind === 'cut') return head;
  if (kind === 'insert') return Buffer.concat([head, more, tail]);
  return Buffer.concat([head, kind === 'set' ? more : Buffer.alloc(0), tail.subarray(more.length)]);
}

function sendRaw(caller: ReturnType<typeof createGrpcCaller>, path: string, bytes: Buffer): Promise<{ code: status; details: string }> {
  const same = (value: Buffer): Buffer => value;
  return new Promise((resolve) => {
    caller.client.makeUnaryRequest(path, same, same, bytes, { deadline: Date.now() + DEADLINE_MS }, (error) => {
      resolve(error === null ? { code: status.OK, details: '' } : { code: error.code, details: error.details });
    });
  });
}

describe.each(methods)('$name/$method', ({ name, proto, method, definition }) => {
  it(`refuses what is wrong as the caller's fault, and answers a right request afterwards (seed ${testSeed})`, async () => {
    const caller = createGrpcCaller(serving.grpcAddress, proto, name);
    const right = definition.requestSerialize(seeds[method]);
    await fc.assert(
      fc.asyncProperty(wrongBytes(right), async (bytes) => {
        const { code, details } = await sendRaw(caller, definition.path, bytes);
        expect([status.INTERNAL, status.UNKNOWN], `${status[code]}: ${details}`).not.toContain(code);
      }),
      { numRuns: RUNS * testScale, seed: testSeed },
    );
    expect(await caller.call(method, seeds[method], DEADLINE_MS)).toMatchObject(rightAnswer(method));
    caller.close();
  });

  it('outlives frames that end too early, claim to be packed or to be longer than they are', async () => {
    const session = connect(`http://${serving.grpcAddress}`);
    const right = definition.requestSerialize(seeds[method]);
    const head = (flag: number, length: number): Buffer => {
      const bytes = Buffer.alloc(FRAME_HEAD_BYTES);
      bytes.writeUInt8(flag, 0);
      bytes.writeUInt32BE(length, 1);
      return bytes;
    };
    const frames = [
      Buffer.alloc(0),
      Buffer.from([0, 0]),
      Buffer.concat([head(0, right.length + 9), right]),
      Buffer.concat([head(1, right.length), right]),
      Buffer.concat([head(7, right.length), right]),
      Buffer.concat([head(0, 2 ** 32 - 1), right]),
    ];
    for (const frame of frames) {
      const request = session.request({ ':method': 'POST', ':path': definition.path, 'content-type': 'application/grpc', te: 'trailers' });
      request.on('error', () => undefined);
      request.resume();
      request.end(frame);
      await once(request, 'close');
    }
    session.close();
    const caller = createGrpcCaller(serving.grpcAddress, proto, name);
    expect(await caller.call(method, seeds[method], DEADLINE_MS)).toMatchObject(rightAnswer(method));
    caller.close();
  });
});
