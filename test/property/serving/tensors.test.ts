import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeTensors, encodeTensors } from '../../../serving/session-host/tensor-frames.ts';
import { joinTensors, rowsOf, shapeKey, sliceRows } from '../../../serving/tensors/join-tensors.ts';
import { encodeRaw } from '../../../src/contracts/raw-elements.ts';
import { elementArrays, elementCount, type Datatype, type Elements, type Tensor } from '../../../src/contracts/tensor.ts';
import { fromGolden, tensorDifference, toGolden } from '../../../src/registry/golden-tensors.ts';
import { fromOnnx, toOnnx } from '../../../src/registry/onnx-tensors.ts';

const datatypes = [...Object.keys(elementArrays), 'BYTES'] as Datatype[];
const sizes = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 });

/** Any elements of a datatype: bits for numbers, texts in UTF-8 for BYTES. */
function elementsOf(datatype: Datatype, count: number): fc.Arbitrary<Elements> {
  if (datatype === 'BYTES') {
    return fc.array(fc.string({ unit: 'grapheme' }), { minLength: count, maxLength: count }).map((texts) => texts.map((text) => new TextEncoder().encode(text)));
  }
  const array = elementArrays[datatype];
  const bytes = count * array.BYTES_PER_ELEMENT;
  return fc.uint8Array({ minLength: bytes, maxLength: bytes, ...(datatype === 'BOOL' ? { max: 1 } : {}) }).map((raw) => new array(Uint8Array.from(raw).buffer, 0, count));
}
const tensor = (name: string, datatype: Datatype, shape: number[]): fc.Arbitrary<Tensor> =>
  elementsOf(datatype, elementCount(shape)).map((elements) => ({ name, datatype, shape, elements }));
const specs = fc.array(fc.tuple(fc.constantFrom(...datatypes), sizes), { minLength: 1, maxLength: 4 });
const requestOf = (inputs: [Datatype, number[]][], rows: number): fc.Arbitrary<Tensor[]> =>
  fc.tuple(...inputs.map(([datatype, rest], i) => tensor(`t${i}`, datatype, [rows, ...rest])));
const requests = specs.chain((inputs) => fc.array(fc.integer({ min: 1, max: 4 }).chain((rows) => requestOf(inputs, rows)), { minLength: 1, maxLength: 4 }));
/** A BigInt or a view is told apart by its bits, NaN included. */
const plain = (tensors: readonly Tensor[]) => tensors.map(toGolden);

/** The oracle: rows are bytes, one after the other. */
function naiveJoin(all: readonly Tensor[][]): object[] {
  return all[0]!.map(({ name, datatype, shape }, i) => {
    const bytes = Buffer.concat(all.map((tensors) => encodeRaw(tensors[i]!.elements)));
    const rows = all.reduce((sum, tensors) => sum + tensors[i]!.shape[0]!, 0);
    return { name, datatype, shape: [rows, ...shape.slice(1)], elements: bytes.toString('base64') };
  });
}

it('requests that are joined come apart as they were', () => {
  fc.assert(
    fc.property(requests, (all) => {
      expect(new Set(all.map(shapeKey)).size).toBe(1);
      const joined = joinTensors(all);
      expect(plain(joined)).toEqual(naiveJoin(all));
      let at = 0;
      for (const tensors of all) {
        expect(plain(sliceRows(joined, at, at + rowsOf(tensors)))).toEqual(plain(tensors));
        at += rowsOf(tensors);
      }
    }),
  );
});

it('tensors are the same behind a frame, in a golden batch and in ONNX Runtime', () => {
  fc.assert(
    fc.property(requests, ([tensors = []]) => {
      const payload = Uint8Array.from(encodeTensors(tensors));
      expect(plain(decodeTensors(payload))).toEqual(plain(tensors));
      expect(plain(tensors.map(toGolden).map(fromGolden))).toEqual(plain(tensors));
      expect(plain(tensors.map((one) => fromOnnx(one.name, toOnnx(one))))).toEqual(plain(tensors));
      for (const one of tensors) expect(tensorDifference(one, fromGolden(toGolden(one)), 0)).toBeNull();
    }),
  );
});

it('a difference is named: another shape, another datatype, another value, none at all', () => {
  const one: Tensor = { name: 'y', datatype: 'FP32', shape: [2], elements: Float32Array.of(1, 100) };
  expect(tensorDifference(one, undefined, 0)).toBe("output 'y' is missing");
  expect(tensorDifference(one, { ...one, shape: [2, 1] }, 0)).toBe("output 'y' is FP32[2, 1], expected FP32[2]");
  expect(tensorDifference(one, { ...one, elements: Float32Array.of(1, 100.05) }, 1e-4)).toContain('element 1 of output');
  expect(tensorDifference(one, { ...one, elements: Float32Array.of(1, 100.005) }, 1e-4)).toBeNull();
  const texts = (text: string): Tensor => ({ name: 's', datatype: 'BYTES', shape: [1], elements: [Buffer.from(text)] });
  expect(tensorDifference(texts('a'), texts('b'), 1)).toBe("element 0 of output 's' is 'b', expected 'a'");
  const whole = (value: number): Tensor => ({ name: 'n', datatype: 'INT32', shape: [1], elements: Int32Array.of(value) });
  expect(tensorDifference(whole(1_000_000), whole(1_000_001), 1e-4)).toContain('expected 1000000');
});
