import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ERROR_CODE_METADATA } from '../../../../src/contracts/feature-store.ts';
import { INFERENCE_SERVICE } from '../../../../src/contracts/inference.ts';
import { inferenceProto } from '../../../../src/infra/load-proto.ts';
import { createGrpcCaller } from '../../../support/serving/grpc-caller.ts';
import { createServingStage, WEIGHTS, type ServingStage } from '../../../support/serving/serving-stage.ts';
import { tinyScore, type TinyModel } from '../../../support/serving/tiny-onnx.ts';

const tiny: TinyModel = { weights: WEIGHTS, bias: 0 };
const row = [2, 40, 500, 3];
const features = { name: 'features', datatype: 'FP32', shape: [1, 4] };
const typed = { ...features, contents: { fp32Contents: row } };

let stage: ServingStage;
let caller: ReturnType<typeof createGrpcCaller>;
beforeAll(async () => {
  stage = await createServingStage();
  await stage.allocate({ champion: await stage.register(tiny) });
  const serving = await stage.serve();
  await vi.waitFor(() => expect(serving.dataPlane.ready).toBe(true), { timeout: 30_000, interval: 50 });
  caller = createGrpcCaller(serving.grpcAddress, inferenceProto, INFERENCE_SERVICE);
});
afterAll(async () => {
  caller.close();
  await stage.close();
});

const infer = (over: Record<string, unknown>, deadlineMs?: number) =>
  caller.call('ModelInfer', { modelName: 'delay', inputs: [typed], ...over }, deadlineMs);

describe('inference over gRPC', () => {
  it('answers typed contents with typed contents', async () => {
    const { ok } = await infer({ id: 'r1' });
    expect(ok).toMatchObject({
      modelName: 'delay',
      modelVersion: '1',
      id: 'r1',
      parameters: { variant: { stringParam: 'champion' }, digest: { stringParam: expect.stringMatching(/^[0-9a-f]{64}$/) as string } },
      outputs: [
        { name: 'score', datatype: 'FP32', shape: [1], contents: { fp32Contents: [expect.closeTo(tinyScore(tiny, row), 5)] } },
        { name: 'label', datatype: 'BOOL', shape: [1], contents: { boolContents: [tinyScore(tiny, row) >= 0.5] } },
      ],
      rawOutputContents: [],
    });
  });

  it('answers raw contents with raw contents', async () => {
    const raw = Buffer.from(Float32Array.from(row).buffer);
    const { ok } = await infer({ inputs: [features], rawInputContents: [raw], outputs: [{ name: 'label' }] });
    expect(ok).toMatchObject({ outputs: [{ name: 'label', contents: null }], rawOutputContents: [Buffer.of(1)] });
  });

  it.each<[what: string, over: Record<string, unknown>, why: string]>([
    ['no inputs', { inputs: [] }, 'inputs: expected 1 to 64 tensors, found 0'],
    ['an id that is too long', { id: 'x'.repeat(1_025) }, 'id: expected at most 1024 characters'],
    ['contents of another datatype', { inputs: [{ ...features, contents: { fp64Contents: row } }] }, 'expected 4 elements in fp32Contents, found 0'],
    ['no contents', { inputs: [features] }, 'expected 4 elements in fp32Contents, found 0'],
    ['both kinds of contents', { rawInputContents: [Buffer.alloc(16)] }, 'expected contents or raw_input_contents, found both'],
    ['raw contents for some inputs', { inputs: [typed, typed], rawInputContents: [Buffer.alloc(16)] }, 'expected one for each of 2 inputs, found 1'],
    ['raw contents that are cut off', { inputs: [features], rawInputContents: [Buffer.alloc(15)] }, 'expected 16 bytes (4 elements of FP32), found 15'],
    ['a negative size', { inputs: [{ ...typed, shape: [-1, 4] }] }, 'expected a shape of 1 to 8 sizes from 0, found [-1, 4]'],
    ['no shape', { inputs: [{ ...typed, shape: [] }] }, 'expected a shape of 1 to 8 sizes'],
    ['a datatype that there is not', { inputs: [{ ...typed, datatype: 'FP8' }] }, "found 'FP8'"],
    ['whole numbers that do not fit', { inputs: [{ ...features, datatype: 'INT8', contents: { intContents: [1, 2, 3, 300] } }] }, 'from -128 to 127'],
    ['whole numbers of 64 bits', { inputs: [{ ...features, datatype: 'INT64', contents: { int64Contents: row } }] }, 'expected datatype FP32, found INT64'],
    ['a timeout beyond the limit', { parameters: { timeout: { int64Param: 31_000_000 } } }, 'parameters.timeout: expected microseconds'],
  ])('%s is refused with the reason', async (_what, over, why) => {
    const { error } = await infer(over);
    expect([error?.status, error?.metadata.get(ERROR_CODE_METADATA)]).toEqual([status.INVALID_ARGUMENT, ['REQUEST_INVALID']]);
    expect(error?.message).toContain(why);
  });

  it('takes the lesser of the deadline and the timeout', async () => {
    expect((await infer({ parameters: { timeout: { int64Param: 1 } } })).error).toMatchObject({ status: status.DEADLINE_EXCEEDED });
    expect((await infer({ parameters: { timeout: { int64Param: 5_000_000 } } }, 5_000)).error).toBeUndefined();
  });

  it('tells of a model that is not there', async () => {
    expect((await caller.call('ModelReady', { name: 'nobody' })).error).toMatchObject({ status: status.NOT_FOUND });
    expect((await caller.call('ModelMetadata', { name: 'delay', version: '9' })).error).toMatchObject({ status: status.NOT_FOUND });
  });
});
