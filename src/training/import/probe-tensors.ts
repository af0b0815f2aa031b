import { elementArrays, elementCount, isNumeric, type Datatype, type Elements, type Tensor, type TensorSpec } from '../../contracts/tensor.ts';
import { createRandom } from '../seeded-random.ts';

const SEED = 1;
const text = new TextEncoder();
/** 1 in float16. */
const HALF_ONE = 0x3c00;

/**
 * Inputs that most graphs take: small numbers, 0 and 1 where they are whole, short texts.
 * @param rows size of the first dimension where it is open; other open dimensions are 1
 */
export function probeTensors(specs: readonly TensorSpec[], rows: number): Tensor[] {
  const random = createRandom(SEED);
  return specs.map(({ name, datatype, shape }) => {
    const sizes = shape.map((size, i) => (size >= 0 ? size : i === 0 ? rows : 1));
    return { name, datatype, shape: sizes, elements: elementsOf(datatype, elementCount(sizes), () => random.uniform()) };
  });
}

function elementsOf(datatype: Datatype, count: number, uniform: () => number): Elements {
  if (!isNumeric(datatype)) return Array.from({ length: count }, () => text.encode(uniform() < 0.5 ? 'a' : 'b'));
  const elements = new elementArrays[datatype](count);
  for (let i = 0; i < count; i++) {
    const bit = uniform() < 0.5 ? 0 : 1;
    if (elements instanceof BigInt64Array || elements instanceof BigUint64Array) elements[i] = BigInt(bit);
    else if (datatype === 'FP16') elements[i] = bit * HALF_ONE;
    else elements[i] = datatype === 'FP32' || datatype === 'FP64' ? uniform() : bit;
  }
  return elements;
}

/** One row of each tensor, as a tensor. */
export const rowOf = (tensors: readonly Tensor[], row: number): Tensor[] =>
  tensors.map((tensor) => {
    const [, ...rest] = tensor.shape;
    const each = elementCount(rest);
    return { ...tensor, shape: [1, ...rest], elements: tensor.elements.slice(row * each, (row + 1) * each) };
  });
