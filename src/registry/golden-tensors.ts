import { decodeRaw, encodeRaw } from '../contracts/raw-elements.ts';
import { elementCount, type Elements, type Tensor } from '../contracts/tensor.ts';
import type { GoldenTensor } from '../contracts/tensor-signature.ts';

export const toGolden = ({ name, datatype, shape, elements }: Tensor): GoldenTensor => ({
  name,
  datatype,
  shape,
  elements: Buffer.from(encodeRaw(elements)).toString('base64'),
});

/** @throws TypeError where the text does not have the elements that the shape tells of */
export function fromGolden({ name, datatype, shape, elements: text }: GoldenTensor): Tensor {
  const elements = decodeRaw(datatype, elementCount(shape), Uint8Array.from(Buffer.from(text, 'base64')));
  if (typeof elements === 'string') throw new TypeError(`golden tensor '${name}': ${elements}`);
  return { name, datatype, shape, elements };
}

/** How two answers to the same inputs differ, or null. */
export function tensorDifference(expected: Tensor, found: Tensor | undefined, tolerance: number): string | null {
  const { name, datatype, shape } = expected;
  if (found === undefined) return `output '${name}' is missing`;
  if (found.datatype !== datatype || found.shape.join() !== shape.join()) {
    return `output '${name}' is ${found.datatype}[${found.shape.join(', ')}], expected ${datatype}[${shape.join(', ')}]`;
  }
  const count = elementCount(shape);
  for (let i = 0; i < count; i++) {
    if (isSame(expected.elements, found.elements, i, tolerance)) continue;
    return `element ${i} of output '${name}' is ${textOf(found.elements, i)}, expected ${textOf(expected.elements, i)}`;
  }
  return null;
}

function isSame(expected: Elements, found: Elements, i: number, tolerance: number): boolean {
  const [a, b] = [expected[i], found[i]];
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b) === 0;
  if (Object.is(a, b)) return true;
  const isFloat = expected instanceof Float32Array || expected instanceof Float64Array;
  return isFloat && typeof a === 'number' && typeof b === 'number' && Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a));
}

function textOf(elements: Elements, i: number): string {
  const value = elements[i];
  return value instanceof Uint8Array ? `'${Buffer.from(value).toString()}'` : String(value);
}
