import { expect, it } from 'vitest';
import { checkGoldenTensors } from '../../../../serving/session-host/check-golden-tensors.ts';
import { encodeTensors, TENSOR_BYTES_MAX } from '../../../../serving/session-host/tensor-frames.ts';
import type { Tensor } from '../../../../src/contracts/tensor.ts';
import type { GoldenTensors } from '../../../../src/contracts/tensor-signature.ts';
import { toGolden } from '../../../../src/registry/golden-tensors.ts';

const x: Tensor = { name: 'x', datatype: 'INT64', shape: [2], elements: BigInt64Array.of(1n, -2n) };
const y: Tensor = { name: 'y', datatype: 'FP32', shape: [2], elements: Float32Array.of(0.5, 2) };
const golden: GoldenTensors = { tensors: { inputs: [toGolden(x)], outputs: [toGolden(y)] }, tolerance: 1e-4 };

it('runs what the import recorded and gives the time of a warm run', async () => {
  const times = [90, 5, 3];
  const seen: (readonly Tensor[])[] = [];
  const runMs = await checkGoldenTensors(golden, async (inputs) => {
    seen.push(inputs);
    return { outputs: [{ ...y, elements: Float32Array.of(0.50001, 2) }], computeMs: times.shift()! };
  });
  expect([runMs, seen.length]).toEqual([3, 3]);
  expect(seen[0]).toEqual([x]);
  expect(await checkGoldenTensors({ tensors: null, tolerance: 0 }, () => Promise.reject(new Error('not run')))).toBeNull();
});

it('refuses a version that answers otherwise', async () => {
  const check = checkGoldenTensors(golden, async () => ({ outputs: [{ ...y, elements: Float32Array.of(0.5, 2.1) }], computeMs: 1 }));
  await expect(check).rejects.toMatchObject({
    code: 'SERVING_VERSION_REJECTED',
    message: expect.stringContaining("element 1 of output 'y' is 2.09") as string,
  });
});

it('a run of more bytes than a frame takes is refused before it is sent', () => {
  const large: Tensor = { name: 'x', datatype: 'UINT8', shape: [TENSOR_BYTES_MAX], elements: new Uint8Array(TENSOR_BYTES_MAX) };
  expect(() => encodeTensors([large])).toThrow(expect.objectContaining({ code: 'REQUEST_TOO_LARGE' }) as Error);
});
