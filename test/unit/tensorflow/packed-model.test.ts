import { describe, expect, it } from 'vitest';
import { packModel, unpackModel, weightBytes } from '../../../src/tensorflow/packed-model.ts';
import { logisticGraph } from '../../support/tensorflow/saved-model.ts';

const model = logisticGraph([1, -2, 0.5]);

describe('a packed model', () => {
  it('comes back as it was, also from the middle of a larger buffer', () => {
    const bytes = packModel(model);
    const within = new Uint8Array(bytes.length + 7);
    within.set(bytes, 7);
    expect(unpackModel(bytes)).toEqual(model);
    expect(unpackModel(within.subarray(7))).toEqual(model);
  });

  it('is the same bytes for the same model', () => {
    expect(packModel(unpackModel(packModel(model)))).toEqual(packModel(model));
  });

  const bytes = packModel(model);
  it.each([
    ['another file', Uint8Array.from([8, 7, 18, 1]), 'it is no packed TensorFlow.js model'],
    ['nothing', new Uint8Array(0), 'it is no packed TensorFlow.js model'],
    ['an end inside the description', bytes.subarray(0, 40), 'it ends inside its description'],
    ['a description that is none', Uint8Array.from([...bytes.subarray(0, 12), ...bytes.subarray(12).map(() => 0x20)]), 'its description is no JSON'],
    ['weights that are missing', bytes.subarray(0, -4), 'it has 8 bytes of weights, its specs say 12'],
  ])('is refused where it is %s', (_, wrong, why) => {
    expect(() => unpackModel(wrong)).toThrow(why);
  });
});

describe('bytes of weights', () => {
  it('count by type, by what they were quantized to, and 1 for a scalar', () => {
    const spec = (dtype: string, shape: number[], quantized?: string) => ({ name: 'w', shape, dtype, ...(quantized === undefined ? {} : { quantization: { dtype: quantized } }) });
    expect(weightBytes([spec('float32', [2, 3]), spec('int32', []), spec('bool', [5])])).toBe(24 + 4 + 5);
    expect(weightBytes([spec('float32', [4], 'uint8'), spec('float32', [4], 'float16'), spec('int32', [4], 'uint16')])).toBe(4 + 8 + 8);
  });

  it('are unknown where a weight is of texts', () => {
    expect(weightBytes([{ name: 'table', shape: [2], dtype: 'string' }])).toBeNull();
  });
});
