import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../src/contracts/decision.ts';
import { isMillraceError } from '../../../src/core/millrace-error.ts';
import { ByteWriter } from '../../../src/fold/byte-writer.ts';
import { createState, fenceOf, type ViewState } from '../../../src/fold/view-state.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import {
  decodeDecision,
  encodeDecision,
  readDecisionFrame,
  writeDecisionFrame,
  type DecisionKind,
  type DecisionValues,
} from '../../../src/store/decision-frame.ts';
import { cardView } from '../../support/fold/payments.ts';

const program = compileView(cardView((a) => ({ payments: a.count({ window: '1h' }) })));

const text = fc.oneof(fc.string(), fc.string({ unit: 'binary' }));
const whole = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const real = fc.double({ noNaN: true, noDefaultInfinity: true });
const variant: fc.Arbitrary<DecisionKind['variant']> = fc.constantFrom('champion', 'canary', 'trial/arm');

const kind: fc.Arbitrary<DecisionKind> = fc.record({
  model: text,
  version: whole,
  digest: text,
  variant,
  fields: fc.uniqueArray(text, { maxLength: 4 }),
  views: fc.array(fc.record({ view: text, version: whole }), { maxLength: 3 }),
  numberCount: fc.nat({ max: 5 }),
  categoryCount: fc.nat({ max: 3 }),
});

const state: fc.Arbitrary<ViewState> = fc.record({ fences: fc.array(fc.integer({ min: -1, max: 2 ** 40 }), { minLength: 1, maxLength: 6 }), time: fc.option(fc.nat()) }).map(({ fences, time }) => {
  const made = createState(program);
  made.fences = Float64Array.from(fences);
  if (time !== null) made.newestKnownTime = time;
  return made;
});

/** The last of two instances of a request. */
const valuesOf = ({ fields, views, numberCount, categoryCount }: DecisionKind): fc.Arbitrary<DecisionValues> => {
  const list = <T>(of: fc.Arbitrary<T>, count: number) => fc.array(of, { minLength: count, maxLength: count });
  const value = fc.oneof(fc.constant(null), fc.boolean(), text, real.map((number) => number + 0), fc.integer());
  return fc.record({
    id: text,
    unit: fc.option(text, { nil: undefined }),
    exampleId: fc.option(text),
    asOf: real,
    servedAt: real,
    score: real,
    shadow: fc.option(fc.record({ version: whole, score: real })),
    latencyMs: fc.record({ features: real, queue: real, compute: real, total: real }),
    row: fc.constant(1),
    instance: list(value, fields.length).map((found) => Object.fromEntries(fields.map((name, f) => [name, found[f]!]))),
    numbers: list(fc.float(), 2 * numberCount).map((found) => Float32Array.from(found)),
    categories: list(fc.option(text), 2 * categoryCount),
    asked: list(fc.record({ entityKey: fc.option(text) }), 2 * views.length),
    states: list(fc.option(state), 2 * views.length),
  });
};

const decision = kind.chain((one) => fc.record({ kind: fc.constant(one), values: valuesOf(one) }));
/** Some of which share a kind. */
const decisions = fc
  .array(decision, { maxLength: 4 })
  .chain((drawn) => fc.tuple(...drawn.slice(0, 1).map(({ kind: of }) => valuesOf(of))).map((more) => [...drawn, ...more.map((values) => ({ kind: drawn[0]!.kind, values }))]));

/** The same decision, put together field by field. */
function plainDecision(of: DecisionKind, values: DecisionValues): Decision {
  const { id, unit, exampleId, asOf, servedAt, score, shadow, latencyMs, instance, row } = values;
  const own = <T>(all: ArrayLike<T>, count: number): T[] => Array.from(all).slice(row * count, (row + 1) * count);
  const asked = own(values.asked, of.views.length);
  const states = own(values.states, of.views.length);
  return {
    ...{ id, model: of.model, version: of.version, digest: of.digest, variant: of.variant, unit, exampleId, asOf, servedAt, instance },
    numbers: Buffer.from(Float32Array.from(own(values.numbers, of.numberCount)).buffer).toString('base64'),
    categories: own(values.categories, of.categoryCount),
    reads: of.views.flatMap((view, v) => {
      const { entityKey } = asked[v]!;
      if (entityKey === null) return [];
      const found = states[v] ?? null;
      const newest = found === null || found.newestKnownTime === -Infinity ? null : found.newestKnownTime;
      return [{ ...view, entityKey, fence: found === null ? {} : fenceOf(found), newestKnownTime: newest }];
    }),
    ...{ score, shadow, latencyMs },
  };
}

describe('a frame of decisions', () => {
  it('carries every decision unchanged, those of one kind and of others', () => {
    fc.assert(
      fc.property(decisions, (drawn) => {
        const writer = new ByteWriter(16);
        const encoded = drawn.map(({ kind: of, values }) => encodeDecision(writer, of, values));
        const expected = drawn.map(({ kind: of, values }) => plainDecision(of, values));
        expect(readDecisionFrame(writeDecisionFrame(encoded))).toEqual(expected);
        expect(encoded.map(decodeDecision)).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  it('answers damaged bytes with STREAM_FRAME_CORRUPT or with decisions', () => {
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 });
    fc.assert(
      fc.property(decisions, changes, fc.nat(), (drawn, changed, cut) => {
        const writer = new ByteWriter();
        const bytes = writeDecisionFrame(drawn.map(({ kind: of, values }) => encodeDecision(writer, of, values)));
        for (const [at, value] of changed) bytes[at % bytes.length] = value;
        try {
          readDecisionFrame(bytes.subarray(0, cut % (bytes.length + 1)));
        } catch (error) {
          expect(isMillraceError(error) && error.code).toBe('STREAM_FRAME_CORRUPT');
        }
      }),
      { numRuns: 500 },
    );
  });
});
