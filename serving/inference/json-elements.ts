import { elementArrays, elementCount, isNumeric, type Datatype, type Elements, type NumericDatatype, type NumericElements } from '../../src/contracts/tensor.ts';



const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Smallest and largest whole number of each datatype that a JSON number can hold exactly. */
const bounds: Readonly<Partial<Record<Datatype, readonly [number, number]>>> = {
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 4_294_967_295],
  UINT64: [0, Number.MAX_SAFE_INTEGER],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-2_147_483_648, 2_147_483_647],
  INT64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

/**
 * Reads the `data` of a tensor: a flat list, or lists in lists as the shape has it. Null among floating point numbers is NaN,
 * which JSON can't say.
 * @returns the elements, or what is wrong
 */
export function decodeJson(datatype: Datatype, shape: readonly number[], data: unknown): Elements | string {
  const count = elementCount(shape);
  if (datatype === 'FP16') return 'FP16 has no form in JSON or typed contents: send it as binary';
  if (!Array.isArray(data)) return `expected a list of ${count} elements, found ${kindOf(data)}`;
  const flat = Array.isArray(data[0]) ? flatten(data, shape) : (data as readonly unknown[]);
  if (typeof flat === 'string') return flat;
  if (flat.length !== count) return `expected ${count} elements, found ${flat.length}`;
  return isNumeric(datatype) ? numbers(datatype, flat) : texts(flat);
}

/** JSON text of elements: NaN and infinities are null, whole numbers of 64 bits are exact, BYTES are texts in UTF-8. */
export function encodeJson(datatype: Datatype, elements: Elements): string {
  if (!ArrayBuffer.isView(elements)) return JSON.stringify(elements.map((text) => decoder.decode(text)));
  let text = '[';
  for (let i = 0; i < elements.length; i++) {
    if (i > 0) text += ',';
    text += datatype === 'BOOL' ? elements[i] === 1 : numberText(elements[i] as number | bigint);
  }
  return `${text}]`;
}

const numberText = (value: number | bigint): string => (typeof value === 'bigint' || Number.isFinite(value) ? String(value) : 'null');

/** As deep as the shape and no deeper, whatever was sent. */
function flatten(data: readonly unknown[], shape: readonly number[]): unknown[] | string {
  const [size, ...inner] = shape;
  if (data.length !== size) return `expected lists of ${shape.join(' x ')} elements, found one of ${data.length} in place of ${String(size)}`;
  if (inner.length === 0) return [...data];
  const flat: unknown[] = [];
  for (const list of data) {
    if (!Array.isArray(list)) return `expected lists of ${shape.join(' x ')} elements, found ${kindOf(list)} in place of a list`;
    const found = flatten(list, inner);
    if (typeof found === 'string') return found;
    for (const one of found) flat.push(one);
  }
  return flat;
}

function numbers(datatype: NumericDatatype, flat: readonly unknown[]): NumericElements | string {
  const array = new elementArrays[datatype](flat.length);
  const wanted = wantedElements[datatype];
  const isBig = array instanceof BigInt64Array || array instanceof BigUint64Array;
  for (let i = 0; i < flat.length; i++) {
    const value = flat[i];
    if (!wanted.takes(value)) return `element ${i}: expected ${wanted.text} for ${datatype}, found ${kindOf(value)}`;
    if (isBig) array[i] = BigInt(value as number);
    else array[i] = value === null ? NaN : Number(value);
  }
  return array;
}

interface Wanted {
  readonly text: string;
  takes(value: unknown): boolean;
}

function wantedOf(datatype: NumericDatatype): Wanted {
  if (datatype === 'BOOL') return { text: 'true or false', takes: (value) => typeof value === 'boolean' };
  const range = bounds[datatype];
  if (range === undefined) return { text: 'a number or null', takes: (value) => typeof value === 'number' || value === null };
  const [min, max] = range;
  const exact = max === Number.MAX_SAFE_INTEGER ? ' (larger ones in the binary format)' : '';
  return {
    text: `a whole number from ${min} to ${max}${exact}`,
    takes: (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
  };
}

/** Made once: a check that is made anew for each request costs more than the elements that it checks. */
const wantedElements = Object.fromEntries(
  (Object.keys(elementArrays) as NumericDatatype[]).map((datatype) => [datatype, wantedOf(datatype)]),
) as Readonly<Record<NumericDatatype, Wanted>>;

function texts(flat: readonly unknown[]): Uint8Array[] | string {
  const wrong = flat.findIndex((value) => typeof value !== 'string');
  if (wrong >= 0) return `element ${wrong}: expected a text for BYTES, found ${kindOf(flat[wrong])}`;
  return flat.map((value) => encoder.encode(value as string));
}

function kindOf(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === null) return 'null';
  if (value === undefined) return 'nothing';
  return Array.isArray(value) ? `a list of ${value.length}` : `a value of type ${typeof value}`;
}
