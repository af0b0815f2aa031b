import { elementCount, isNumeric, elementArrays, type Elements, type Tensor } from '../../src/contracts/tensor.ts';

/** Rows of a request; requests that share a run may differ in nothing else of their shapes. */
export const rowsOf = (tensors: readonly Tensor[]): number => tensors[0]?.shape[0] ?? 0;

/**
 * Whether a request's tensors have rows one by one, which others may follow. A direct request that does not is refused; what one step of an ensemble
 * hands to another may be anything, as one mean for many rows.
 */
export const haveSameRows = (tensors: readonly Tensor[]): boolean => {
  const rows = rowsOf(tensors);
  return rows > 0 && tensors.every(({ shape }) => shape[0] === rows);
};

/** What of its inputs two requests must have alike to share a run. */
export const shapeKey = (tensors: readonly Tensor[]): string =>
  tensors
    .map(({ name, shape }) => `${name}:${shape.slice(1).join('x')}`)
    .sort()
    .join(' ');

/** The rows of several requests one after the other, as one request. All have the same shape key. */
export function joinTensors(requests: readonly (readonly Tensor[])[]): readonly Tensor[] {
  const [first = []] = requests;
  if (requests.length === 1) return first;
  const rows = requests.reduce((sum, tensors) => sum + rowsOf(tensors), 0);
  return first.map((tensor) => {
    const parts = requests.map((tensors) => tensors.find(({ name }) => name === tensor.name) as Tensor);
    return { ...tensor, shape: [rows, ...tensor.shape.slice(1)], elements: joinElements(tensor, rows, parts) };
  });
}

/** Rows `from` to `to` of each tensor; a view where the elements are an array. */
export const sliceRows = (tensors: readonly Tensor[], from: number, to: number): Tensor[] =>
  tensors.map((tensor) => {
    const rest = tensor.shape.slice(1);
    const each = elementCount(rest);
    const { elements } = tensor;
    const part = ArrayBuffer.isView(elements) ? elements.subarray(from * each, to * each) : elements.slice(from * each, to * each);
    return { ...tensor, shape: [to - from, ...rest], elements: part };
  });

function joinElements({ datatype, shape }: Tensor, rows: number, parts: readonly Tensor[]): Elements {
  if (!isNumeric(datatype)) return parts.flatMap(({ elements }) => elements as readonly Uint8Array[]);
  const joined = new elementArrays[datatype](rows * elementCount(shape.slice(1)));
  let at = 0;
  for (const { elements } of parts) {
    // All are arrays of the one datatype.
    (joined as Uint8Array).set(elements as Uint8Array, at);
    at += elements.length;
  }
  return joined;
}
