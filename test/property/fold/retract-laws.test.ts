import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AggregationKind } from '../../../src/define/aggregation.ts';
import { irreversibleKinds } from '../../../src/define/checks/check-reversible.ts';
import { algebraOf } from '../../../src/fold/aggregations/algebra-of.ts';
import { reversibleAlgebra } from '../../../src/fold/aggregations/reversible-algebra.ts';
import { ByteReader } from '../../../src/fold/byte-reader.ts';
import { ByteWriter } from '../../../src/fold/byte-writer.ts';
import type { Intermediate } from '../../../src/fold/intermediates/intermediate.ts';
import { QuantileSketch } from '../../../src/fold/sketches/quantile-sketch.ts';
import type { Sketch, SketchKind } from '../../../src/fold/sketches/sketch.ts';
import { exactSquareSum, exactSum, nearestQuotient } from '../../support/naive/exact-arithmetic.ts';

/** Options that some kinds need. */
const options = { window: '1h', n: 3, rank: 2, halfLife: '1h', q: 0.5 } as const;
const kinds = Object.keys(irreversibleKinds) as AggregationKind[];
const reversibleKinds = kinds.filter((kind) => irreversibleKinds[kind] === null);
const ownAlgebraOf = (kind: AggregationKind) => algebraOf({ kind, field: 'amount', ...options });

const algebras = reversibleKinds.map((kind) => reversibleAlgebra(ownAlgebraOf(kind)));
const intermediates = new Map<string, Intermediate>(
  algebras.flatMap((algebra) => ('sketch' in algebra ? [] : algebra.intermediates.map((one) => [one.name, one] as const))),
);
const sketches = new Map<string, SketchKind>(
  algebras.flatMap((algebra) => ('sketch' in algebra ? [[algebra.sketch.name, algebra.sketch] as const] : [])),
);

/** Far apart, so that a sum which rounds would lose the small ones. */
const value = fc.oneof(
  // Bits below 2^-160 are cut off, here of none.
  fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((drawn) => (Math.abs(drawn) < 1e-30 ? 0 : drawn)),
  fc.constantFrom(0, 1e30, -1e30, 0.1, 1e-12, -1e-30),
);
/** Each value, and whether it is taken back; in the order of arrival, with the first of each pair either one. */
const changes = fc
  .array(fc.record({ value, isTakenBack: fc.boolean(), isFirst: fc.boolean(), place: fc.nat() }), { maxLength: 15 })
  .map((drawn) => {
    const steps: { value: number; sign: 1 | -1 }[] = [];
    for (const { value: one, isTakenBack, isFirst, place } of drawn) {
      steps.splice(place % (steps.length + 1), 0, { value: one, sign: isFirst || !isTakenBack ? 1 : -1 });
      if (isTakenBack) steps.push({ value: one, sign: isFirst ? -1 : 1 });
    }
    return { steps, left: drawn.filter(({ isTakenBack }) => !isTakenBack).map((one) => one.value) };
  });
type Steps = readonly { readonly value: number; readonly sign: 1 | -1 }[];

const times = Float64Array.of(1, 2);
function tileOf(intermediate: Intermediate, steps: Steps): Float64Array {
  const tile = Float64Array.from(intermediate.identity);
  for (const { value: one, sign } of steps) {
    if (sign === 1) intermediate.update(tile, 0, Float64Array.of(one), 0, times);
    else intermediate.retract?.(tile, 0, Float64Array.of(one), 0, times);
  }
  return tile;
}
const added = (values: readonly number[]): { value: number; sign: 1 }[] =>
  values.map((one) => ({ value: one, sign: 1 }));
function merged(intermediate: Intermediate, ...tiles: readonly Float64Array[]): Float64Array {
  const into = Float64Array.from(intermediate.identity);
  const all = Float64Array.from(tiles.flatMap((tile) => [...tile]));
  intermediate.mergeTiles(into, 0, all, 0, intermediate.width, tiles.length);
  return into;
}

describe('kinds that the checks let a changing source have', () => {
  it('are those of which every part can take an event back', () => {
    for (const kind of kinds) {
      const own = ownAlgebraOf(kind);
      const canReverse =
        'sketch' in own
          ? own.reversible !== undefined && own.reversible.sketch.create().retract !== undefined
          : (reversibleAlgebra(own) as typeof own).intermediates.every(({ retract }) => retract !== undefined);
      expect([kind, canReverse]).toEqual([kind, irreversibleKinds[kind] === null]);
    }
  });
});

describe.each([...intermediates])('the intermediate result %s, taken back', (_name, intermediate) => {
  it('is what it would be of the inputs that are left, bit for bit, in any order', () => {
    fc.assert(
      fc.property(changes, ({ steps, left }) => {
        expect(tileOf(intermediate, steps)).toEqual(tileOf(intermediate, added(left)));
      }),
    );
  });

  it('merges as if each tile had only what is left, wherever the retraction lies', () => {
    fc.assert(
      fc.property(changes, fc.nat(), ({ steps, left }, cut) => {
        const at = cut % (steps.length + 1);
        const parts = [tileOf(intermediate, steps.slice(0, at)), tileOf(intermediate, steps.slice(at))];
        const whole = merged(intermediate, tileOf(intermediate, added(left)));
        expect(merged(intermediate, ...parts)).toEqual(whole);
        expect(merged(intermediate, merged(intermediate, ...parts))).toEqual(whole);
      }),
    );
  });
});

/** Values that are all left. */
const tie = (...left: number[]): [{ steps: { value: number; sign: 1 | -1 }[]; left: number[] }] => [
  { steps: added(left), left },
];

describe('a sum of fixed point', () => {
  it('is the double nearest to the sum of what is left once it is merged', () => {
    const intermediate = intermediates.get('exactValueSum')!;
    fc.assert(
      fc.property(changes, ({ steps, left }) => {
        const [high] = merged(intermediate, tileOf(intermediate, steps));
        expect(high).toBe(nearestQuotient(exactSum(left), 1n));
      }),
      // Ties that only bits beyond 106 break.
      { examples: [tie(1e30, -1e-30, 1e30, 1e30), tie(1e30, 1e-30, 1e30, 1e30), tie(-1e30, 1e-30, -1e30, -1e30)] },
    );
  });

  it('is the double nearest to the sum of the squares of what is left once it is merged', () => {
    const intermediate = intermediates.get('exactSquareSum')!;
    fc.assert(
      fc.property(changes, ({ steps, left }) => {
        const [high] = merged(intermediate, tileOf(intermediate, steps));
        expect(high).toBe(nearestQuotient(exactSquareSum(left), 1n));
      }),
    );
  });

  it('cuts off what lies below its last bit, of each number by itself', () => {
    const intermediate = intermediates.get('exactValueSum')!;
    const tile = tileOf(intermediate, added([2 ** -160, 2 ** -161, 1.5 * 2 ** -160, -(2 ** -170)]));
    expect(merged(intermediate, tile)[0]).toBe(2 * 2 ** -160);
  });

  it('has the squares of what it sums, so that one number has no spread however small it is', () => {
    const tile = tileOf(intermediates.get('exactSquareSum')!, added([1.5 * 2 ** -160, 2 ** -161]));
    expect(merged(intermediates.get('exactSquareSum')!, tile)[0]).toBe(2 ** -320);
  });
});

describe.each([...sketches])('the sketch %s, taken back', (_name, kind) => {
  const sketchOf = (steps: Steps): Sketch => {
    const sketch = kind.create();
    for (const { value: one, sign } of steps) {
      if (sign === 1) sketch.add(one);
      else sketch.retract?.(one);
    }
    return sketch;
  };
  const bytesOf = (sketch: Sketch): Uint8Array => {
    const writer = new ByteWriter();
    sketch.encode(writer);
    return writer.finish();
  };

  it('has the bytes of one to which only what is left was added, in any order and merged anywhere', () => {
    fc.assert(
      fc.property(changes, fc.nat(), ({ steps, left }, cut) => {
        const at = cut % (steps.length + 1);
        const parts = [sketchOf(steps.slice(0, at)), sketchOf(steps.slice(at))];
        const into = kind.create();
        for (const part of parts) into.merge(part);
        const expected = bytesOf(sketchOf(added(left)));
        expect(bytesOf(into)).toEqual(expected);
        expect(bytesOf(sketchOf(steps))).toEqual(expected);
        expect(into.isEmpty).toBe(left.length === 0);
        for (const part of parts) expect(bytesOf(kind.decode(new ByteReader(bytesOf(part))))).toEqual(bytesOf(part));
      }),
    );
  });

  it('answers what the sketch without retractions answers of what is left', () => {
    fc.assert(
      fc.property(changes, fc.double({ min: 0, max: 1, noNaN: true }), ({ steps, left }, q) => {
        const plain = new QuantileSketch();
        for (const one of left) plain.add(one);
        const found = sketchOf(steps) as unknown as { quantile(q: number): number };
        expect(found.quantile(q)).toBe(plain.quantile(q));
      }),
    );
  });
});
