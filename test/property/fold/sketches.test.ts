import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteReader } from '../../../src/fold/byte-reader.ts';
import { ByteWriter } from '../../../src/fold/byte-writer.ts';
import { hashValue } from '../../../src/fold/hash-value.ts';
import { codeOfText, textOfCode } from '../../../src/fold/text-code.ts';
import { DistinctSketch, distinctSketch, EXACT_MAX } from '../../../src/fold/sketches/distinct-sketch.ts';
import {
  BUCKETS_MAX,
  QuantileSketch,
  quantileSketch,
  RELATIVE_ERROR,
} from '../../../src/fold/sketches/quantile-sketch.ts';
import type { FrequencySketch} from '../../../src/fold/sketches/frequency-sketch.ts';
import { frequencySketch, VALUES_MAX } from '../../../src/fold/sketches/frequency-sketch.ts';
import type { Sketch, SketchKind } from '../../../src/fold/sketches/sketch.ts';

/** Few and many, so that both forms of a set of hashes and their change are met. */
const hashes = fc
  .tuple(fc.array(fc.nat({ max: 40 }), { maxLength: 60 }), fc.nat({ max: 150 }), fc.nat())
  .map(([few, many, from]) => [...few, ...Array.from({ length: many }, (_, i) => from + i)].map(hashValue));

/** Few values often, and more different ones than are counted. */
const codes = fc
  .tuple(fc.array(fc.nat({ max: 8 }), { maxLength: 60 }), fc.nat({ max: 400 }), fc.nat({ max: 500 }))
  .map(([few, many, from]) => [...few, ...Array.from({ length: many }, (_, i) => from + i)].map((n) => codeOfText(`v${n}`)));

/** Of both signs, equal ones, and so far apart that buckets collapse. */
const values = fc.array(
  fc.oneof(
    fc.integer({ min: -5, max: 5 }),
    fc.double({ min: -1e3, max: 1e3, noNaN: true }),
    fc
      .tuple(fc.integer({ min: -290, max: 290 }), fc.constantFrom(1, -1))
      .map(([e, sign]) => sign * 10 ** (e / 10)),
  ),
  { maxLength: 60 },
);

function sketchOf(kind: SketchKind, inputs: readonly number[]): Sketch {
  const sketch = kind.create();
  for (const input of inputs) sketch.add(input);
  return sketch;
}

function merged(kind: SketchKind, ...sketches: readonly Sketch[]): Sketch {
  const into = kind.create();
  for (const sketch of sketches) into.merge(sketch);
  return into;
}

function bytesOf(sketch: Sketch): Uint8Array {
  const writer = new ByteWriter();
  sketch.encode(writer);
  return writer.finish();
}

describe.each([
  ['distinct', distinctSketch, hashes, 2_100],
  ['quantile', quantileSketch, values, 12 * (2 * BUCKETS_MAX + 1)],
  ['frequency', frequencySketch, codes, 2 + 10 * VALUES_MAX],
] as const)('the sketch %s', (_name, kind, inputs, bytesMax) => {
  it('merges associatively and in any order, and merging equals adding, bit for bit', () => {
    fc.assert(
      fc.property(inputs, inputs, inputs, (a, b, c) => {
        const [x, y, z] = [a, b, c].map((drawn) => sketchOf(kind, drawn)) as [Sketch, Sketch, Sketch];
        const all = bytesOf(sketchOf(kind, [...a, ...b, ...c]));
        expect(bytesOf(merged(kind, merged(kind, x, y), z))).toEqual(all);
        expect(bytesOf(merged(kind, x, merged(kind, y, z)))).toEqual(all);
        expect(bytesOf(merged(kind, z, x, y))).toEqual(all);
        expect(bytesOf(sketchOf(kind, [...c, ...a, ...b].reverse()))).toEqual(all);
      }),
      { numRuns: 300 },
    );
  });

  it('has an identity, also once it was cleared', () => {
    fc.assert(
      fc.property(inputs, inputs, (a, b) => {
        const cleared = sketchOf(kind, b);
        cleared.clear();
        expect(bytesOf(cleared)).toEqual(bytesOf(kind.create()));
        cleared.merge(sketchOf(kind, a));
        expect(bytesOf(cleared)).toEqual(bytesOf(sketchOf(kind, a)));
        cleared.merge(kind.create());
        expect(bytesOf(cleared)).toEqual(bytesOf(sketchOf(kind, a)));
      }),
    );
  });

  it('comes back from its bytes, which are bounded, and then goes on equally', () => {
    fc.assert(
      fc.property(inputs, inputs, (a, b) => {
        const sketch = sketchOf(kind, a);
        const bytes = bytesOf(sketch);
        expect(bytes.length).toBeLessThanOrEqual(bytesMax);
        const reader = new ByteReader(bytes);
        const decoded = kind.decode(reader);
        reader.end();
        for (const input of b) [sketch, decoded].forEach((one) => one.add(input));
        expect(bytesOf(decoded)).toEqual(bytesOf(sketch));
      }),
    );
  });
});

describe('the number of different values', () => {
  it(`is exact up to ${EXACT_MAX}`, () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (texts) => {
        const few = texts.slice(0, EXACT_MAX);
        const sketch = new DistinctSketch();
        for (const text of [...few, ...few]) sketch.add(hashValue(text));
        expect(sketch.estimate()).toBe(new Set(few).size);
      }),
    );
  });

  it('is within its standard error on average, and within five of it always', () => {
    for (const count of [65, 200, 1_000, 5_000, 50_000]) {
      const errors = Array.from({ length: 20 }, (_, trial) => {
        const sketch = new DistinctSketch();
        for (let i = 0; i < count; i++)
          sketch.add(hashValue(trial % 2 === 0 ? `card-${trial}-${i}` : trial * 1e6 + i));
        return sketch.estimate() / count - 1;
      });
      const meanSquare = errors.reduce((sum, error) => sum + error * error, 0) / errors.length;
      expect(Math.sqrt(meanSquare), `${count} values`).toBeLessThan(1.4 * 0.023);
      expect(Math.max(...errors.map(Math.abs)), `${count} values`).toBeLessThan(5 * 0.023);
    }
  });
});

describe('the most frequent values', () => {
  const naive = (drawn: readonly number[]): number[] => {
    const counts = new Map<number, number>();
    for (const code of drawn) counts.set(code, (counts.get(code) ?? 0) + 1);
    return [...counts.values()].sort((a, b) => b - a);
  };
  const countsOf = (drawn: readonly number[]): number[] =>
    (sketchOf(frequencySketch, drawn) as FrequencySketch).ranked().map(({ count }) => count);

  it(`are counted exactly while there are at most ${VALUES_MAX}`, () => {
    fc.assert(
      fc.property(codes, (drawn) => {
        const different = [...new Set(drawn)].slice(0, VALUES_MAX);
        const few = drawn.filter((code) => different.includes(code));
        expect(countsOf(few)).toEqual(naive(few));
      }),
    );
  });

  it('are, of more, those of the smallest hashes, each counted exactly', () => {
    fc.assert(
      fc.property(codes, (drawn) => {
        const kept = [...new Set(drawn)].sort((a, b) => hashValue(a) - hashValue(b)).slice(0, VALUES_MAX);
        expect(countsOf(drawn)).toEqual(naive(drawn.filter((code) => kept.includes(code))));
      }),
    );
  });
});

describe('the code of a text', () => {
  it('gives up to seven characters of ASCII back, and tells longer texts and others apart by their hashes', () => {
    const packed = fc.string({ maxLength: 7, unit: 'binary-ascii' }).filter((text) => !text.includes('\0'));
    fc.assert(fc.property(packed, (text) => textOfCode(codeOfText(text)) === text));
    fc.assert(
      fc.property(fc.uniqueArray(fc.string({ unit: 'grapheme' })), (texts) => {
        const found = texts.map(codeOfText);
        expect(new Set(found).size).toBe(texts.length);
        for (const code of found) expect(Number.isSafeInteger(code) && code >= 0).toBe(true);
      }),
    );
    expect(textOfCode(codeOfText('New York'))).toBeNull();
    expect(textOfCode(codeOfText('Ås'))).toBeNull();
    expect(codeOfText(null)).toBeNaN();
  });
});

describe('a quantile', () => {
  it('is within its relative error of the value of its rank, where no bucket has collapsed', () => {
    const near = fc.array(
      fc.double({ min: -1e3, max: 1e3, noNaN: true }).filter((x) => x === 0 || Math.abs(x) > 1e-5),
      {
        minLength: 1,
        maxLength: 200,
      },
    );
    fc.assert(
      fc.property(near, fc.double({ min: 0, max: 1, noNaN: true }), (drawn, q) => {
        const exact = drawn.toSorted((a, b) => a - b)[Math.floor(q * (drawn.length - 1))]!;
        const sketch = sketchOf(quantileSketch, drawn) as QuantileSketch;
        const found = sketch.quantile(q);
        expect(Math.abs(found - exact)).toBeLessThanOrEqual(RELATIVE_ERROR * Math.abs(exact) * (1 + 1e-9));
      }),
      { numRuns: 500 },
    );
  });

  it('keeps the far values of both signs exact to its error, and the sign and order of the near ones', () => {
    const drawn = [-1e12, -1, -1e-30, 0, 1e-30, 1, 1e12];
    const sketch = sketchOf(quantileSketch, drawn) as QuantileSketch;
    const found = drawn.map((_, rank) => sketch.quantile(rank / (drawn.length - 1)));
    expect(found[0]! / -1e12).toBeCloseTo(1, 1);
    expect(found[6]! / 1e12).toBeCloseTo(1, 1);
    expect(found.map(Math.sign)).toEqual(drawn.map(Math.sign));
    expect(found.toSorted((a, b) => a - b)).toEqual(found);
    expect(new QuantileSketch().quantile(0.5)).toBe(NaN);
  });
});

describe('the hash of a value', () => {
  it('is 53 bits, the same for equal values, null for null', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.double({ noNaN: true })), (value) => {
        const hash = hashValue(value);
        expect(Number.isSafeInteger(hash) && hash >= 0).toBe(true);
        expect(hashValue(typeof value === 'number' ? -(-value) : `${value}`)).toBe(hash);
      }),
    );
    expect(hashValue(-0)).toBe(hashValue(0));
    expect([hashValue(null), hashValue(undefined)]).toEqual([NaN, NaN]);
  });

  it('stays the same for ever: states and frames carry it', () => {
    expect([hashValue(''), hashValue('NO'), hashValue('a\u0000'), hashValue(1.5)]).toMatchInlineSnapshot(`
      [
        4815724402613475,
        5732043770251092,
        4328959859103545,
        2568409799698344,
      ]
    `);
  });

  it('tells a million alike values apart', () => {
    const seen = new Set<number>();
    for (let i = 0; i < 250_000; i++) {
      for (const value of [i, i + 0.5, `${i}`, `card-${i}`]) seen.add(hashValue(value));
    }
    expect(seen.size).toBe(1_000_000);
  });
});
