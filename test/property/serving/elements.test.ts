import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeJson, encodeJson } from '../../../serving/inference/json-elements.ts';
import { decodeRaw, encodeRaw } from '../../../src/contracts/raw-elements.ts';
import { elementCount, type Datatype, type Elements } from '../../../src/contracts/tensor.ts';

type JsonDatatype = Exclude<Datatype, 'FP16'>;
const whole = (min: number, max: number) => fc.integer({ min, max });
/** One element of each datatype that JSON has a form for. */
const jsonElement = {
  BOOL: fc.boolean(),
  UINT8: whole(0, 255),
  UINT16: whole(0, 65_535),
  UINT32: whole(0, 4_294_967_295),
  UINT64: fc.maxSafeNat(),
  INT8: whole(-128, 127),
  INT16: whole(-32_768, 32_767),
  INT32: whole(-2_147_483_648, 2_147_483_647),
  INT64: fc.maxSafeInteger(),
  FP32: fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.constant(null)),
  FP64: fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constant(null)),
  BYTES: fc.string({ unit: 'grapheme' }),
} as const satisfies Record<JsonDatatype, fc.Arbitrary<unknown>>;
type JsonElement = boolean | number | string | null;

const writers: Readonly<Record<Exclude<JsonDatatype, 'BYTES'>, readonly [bytes: number, write: (view: DataView, at: number, value: never) => void]>> = {
  BOOL: [1, (view, at, value: boolean) => view.setUint8(at, value ? 1 : 0)],
  UINT8: [1, (view, at, value: number) => view.setUint8(at, value)],
  UINT16: [2, (view, at, value: number) => view.setUint16(at, value, true)],
  UINT32: [4, (view, at, value: number) => view.setUint32(at, value, true)],
  UINT64: [8, (view, at, value: number) => view.setBigUint64(at, BigInt(value), true)],
  INT8: [1, (view, at, value: number) => view.setInt8(at, value)],
  INT16: [2, (view, at, value: number) => view.setInt16(at, value, true)],
  INT32: [4, (view, at, value: number) => view.setInt32(at, value, true)],
  INT64: [8, (view, at, value: number) => view.setBigInt64(at, BigInt(value), true)],
  FP32: [4, (view, at, value: number | null) => view.setFloat32(at, value ?? NaN, true)],
  FP64: [8, (view, at, value: number | null) => view.setFloat64(at, value ?? NaN, true)],
};

/** The oracle: element by element, as the protocol describes it. */
function naiveRaw(datatype: JsonDatatype, values: readonly JsonElement[]): Buffer {
  const pieces = values.map((value) => {
    if (datatype === 'BYTES') {
      const text = Buffer.from(value as string);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(text.length);
      return Buffer.concat([length, text]);
    }
    const [bytes, write] = writers[datatype];
    const piece = Buffer.alloc(bytes);
    write(new DataView(piece.buffer, piece.byteOffset, bytes), 0, value as never);
    return piece;
  });
  return Buffer.concat(pieces);
}

function nested(values: readonly JsonElement[], shape: readonly number[]): unknown {
  const [size = 0, ...inner] = shape;
  if (inner.length === 0) return values;
  const each = elementCount(inner);
  return Array.from({ length: size }, (_, i) => nested(values.slice(i * each, (i + 1) * each), inner));
}

const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 });
const cases = (datatype: JsonDatatype) =>
  shapes.chain((shape) => {
    const count = elementCount(shape);
    const values = fc.array(jsonElement[datatype] as fc.Arbitrary<JsonElement>, { minLength: count, maxLength: count });
    return fc.record({ shape: fc.constant(shape), values });
  });

describe.each(Object.keys(jsonElement) as JsonDatatype[])('elements of %s', (datatype) => {
  it('are the same from JSON, flat or nested, and from raw bytes, wherever these begin', () => {
    fc.assert(
      fc.property(cases(datatype), fc.integer({ min: 0, max: 8 }), ({ shape, values }, offset) => {
        const raw = naiveRaw(datatype, values);
        const shifted = Buffer.concat([Buffer.alloc(offset), raw]).subarray(offset);
        const fromRaw = decodeRaw(datatype, values.length, shifted) as Elements;
        for (const data of [values, nested(values, shape)]) {
          const fromJson = decodeJson(datatype, shape, data);
          expect(typeof fromJson).not.toBe('string');
          expect(Buffer.from(encodeRaw(fromJson as Elements)).equals(raw)).toBe(true);
        }
        expect(Buffer.from(encodeRaw(fromRaw)).equals(raw)).toBe(true);
        expect(JSON.parse(encodeJson(datatype, fromRaw))).toEqual(JSON.parse(JSON.stringify(values)));
      }),
    );
  });

  it('are refused when they are too few, too many or of another kind', () => {
    fc.assert(
      fc.property(cases(datatype), ({ shape, values }) => {
        const raw = naiveRaw(datatype, values);
        expect(typeof decodeRaw(datatype, values.length, raw.subarray(0, raw.length - 1))).toBe('string');
        expect(typeof decodeRaw(datatype, values.length + 1, raw)).toBe('string');
        expect(typeof decodeJson(datatype, shape, values.slice(1))).toBe('string');
        expect(typeof decodeJson(datatype, shape, [...values.slice(1), {}])).toBe('string');
        expect(typeof decodeJson(datatype, shape, [...values.slice(1), [[[[values[0]]]]]])).toBe('string');
        expect(typeof decodeJson(datatype, shape, 'text')).toBe('string');
      }),
    );
  });
});

it('halves go as raw bytes only', () => {
  const bits = fc.array(whole(0, 65_535), { minLength: 1 });
  fc.assert(fc.property(bits, (values) => {
    const raw = naiveRaw('UINT16', values);
    expect(decodeRaw('FP16', values.length, raw)).toEqual(Uint16Array.from(values));
    expect(Buffer.from(encodeRaw(decodeRaw('FP16', values.length, raw) as Elements)).equals(raw)).toBe(true);
    expect(decodeJson('FP16', [values.length], values)).toContain('send it as binary');
  }));
});

it('numbers beyond a datatype, and bytes that are no BOOL, are refused', () => {
  expect(decodeJson('UINT8', [2], [255, 256])).toBe('element 1: expected a whole number from 0 to 255 for UINT8, found 256');
  expect(decodeJson('INT8', [1], [1.5])).toBe('element 0: expected a whole number from -128 to 127 for INT8, found 1.5');
  expect(decodeJson('INT64', [1], [2 ** 60])).toContain('larger ones in the binary format');
  expect(decodeRaw('BOOL', 2, Uint8Array.of(1, 2))).toBe('element 1: expected the byte 0 or 1 for BOOL, found 2');
});

it('whole numbers of 64 bits are printed exactly', () => {
  expect(encodeJson('INT64', BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n))).toBe('[-9223372036854775808,9223372036854775807]');
});
