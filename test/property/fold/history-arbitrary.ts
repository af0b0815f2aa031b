import fc from 'fast-check';
import type { ViewFeature } from '../../../src/define/aggregation.ts';
import type { FeatureView } from '../../../src/define/feature-view.ts';
import type { Row } from '../../../src/define/field.ts';
import { compileView, prepareEvent, type ViewProgram } from '../../../src/fold/compile-view.ts';
import { applyEvent, createState, readFeatures, type ViewState } from '../../../src/fold/view-state.ts';
import {
  boolean,
  entity,
  featureView,
  nullable,
  number,
  source,
  string,
  timestamp,
} from '../../../src/index.ts';
import { naiveFeatures } from '../../support/naive-features.ts';
import { float32Of } from '../../support/naive/float32.ts';
import { anyFeature, LANDS, viewFeature } from './aggregation-arbitrary.ts';

/** An event with its place in the log. */
export interface LoggedEvent {
  readonly key: string;
  readonly sourcePartition: number;
  readonly sourceOffset: number;
  readonly effectiveTime: number;
  readonly knownTime: number;
  readonly row: Row;
}

export interface History {
  readonly view: FeatureView;
  readonly program: ViewProgram;
  /** In the order of offsets per source partition. */
  readonly events: readonly LoggedEvent[];
}

export const START_MS = Date.UTC(2024, 1, 28);
export const HOUR_MS = 3_600_000;
export const SOURCE_PARTITIONS = 3;
export const KEYS = ['a', 'b', 'ü'] as const;

const payments = source({
  name: 'payment',
  schema: {
    id: string(),
    at: timestamp(),
    card: string(),
    amount: number(),
    fee: nullable(number()),
    online: nullable(boolean()),
    country: nullable(string()),
  },
  id: 'id',
  eventTime: 'at',
  partitions: SOURCE_PARTITIONS,
});
const card = entity({ name: 'card', keys: ['card'] });

const viewOf = (one: fc.Arbitrary<ViewFeature>): fc.Arbitrary<FeatureView> =>
  fc.array(one, { minLength: 1, maxLength: 12, size: 'max' }).map((aggregations) =>
    featureView({
      name: 'card_payments',
      entity: card,
      source: payments,
      features: () => Object.fromEntries(aggregations.map((drawn, i) => [`f${i}`, drawn])),
    }),
  );

/** Views of features that the oracle has to the last bit. */
export const view = viewOf(viewFeature);

/** Decimal fractions, as payloads carry them: their sums are not exact in a double. */
const decimal = fc.integer({ min: -5_000_000, max: 5_000_000 }).map((thousandths) => thousandths / 1_000);

const event: fc.Arbitrary<Omit<LoggedEvent, 'sourceOffset'>> = fc
  .record({
    key: fc.constantFrom(...KEYS),
    sourcePartition: fc.integer({ min: 0, max: SOURCE_PARTITIONS - 1 }),
    // Times that collide, times within an hour and times over days.
    at: fc.oneof(
      fc.integer({ min: 0, max: 10 }).map((n) => n * 300_000),
      fc.integer({ min: 0, max: HOUR_MS }),
      fc.integer({ min: 0, max: 80 * HOUR_MS }),
    ),
    delay: fc.oneof(
      fc.constant(0),
      fc.integer({ min: 0, max: 60_000 }),
      fc.integer({ min: 0, max: 30 * HOUR_MS }),
    ),
    amount: decimal,
    fee: fc.option(decimal),
    online: fc.option(fc.boolean()),
    country: fc.option(fc.constantFrom(...LANDS)),
  })
  .map(({ key, sourcePartition, at, delay, ...fields }) => ({
    key,
    sourcePartition,
    effectiveTime: START_MS + at,
    knownTime: START_MS + at + delay,
    row: { ...fields, id: '', card: key, at: START_MS + at },
  }));

/** Events of a view of such features. */
export const historyOf = (one: fc.Arbitrary<ViewFeature>): fc.Arbitrary<History> =>
  fc.record({ view: viewOf(one), drawn: fc.array(event, { maxLength: 60, size: 'max' }) }).map(({ view, drawn }) => {
    const next = new Array<number>(SOURCE_PARTITIONS).fill(0);
    return {
      view,
      program: compileView(view),
      events: drawn.map((one) => ({ ...one, sourceOffset: next[one.sourcePartition]!++ })),
    };
  });

/** Of features that the oracle has to the last bit. */
export const history = historyOf(viewFeature);

/** Of all kinds of features. */
export const anyHistory = historyOf(anyFeature);

/** Another order of arrival that keeps the order of offsets in each source partition. */
export function interleave(events: readonly LoggedEvent[], picks: readonly number[]): LoggedEvent[] {
  const queues = Array.from({ length: SOURCE_PARTITIONS }, (_, partition) =>
    events.filter((one) => one.sourcePartition === partition),
  );
  const order: LoggedEvent[] = [];
  for (let i = 0; order.length < events.length; i++) {
    const waiting = queues.filter((queue) => queue.length > 0);
    order.push(waiting[(picks[i % picks.length] ?? 0) % waiting.length]!.shift()!);
  }
  return order;
}

export const picks = fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 20 });

export function apply(program: ViewProgram, states: Map<string, ViewState>, one: LoggedEvent): boolean {
  let state = states.get(one.key);
  if (state === undefined) states.set(one.key, (state = createState(program)));
  const inputs = new Float64Array(program.inputCount + 2);
  prepareEvent(program, one.row, inputs, 2);
  const { sourcePartition, sourceOffset, effectiveTime, knownTime } = one;
  return applyEvent(program, state, sourcePartition, sourceOffset, effectiveTime, knownTime, inputs, 2);
}

export function foldAll(program: ViewProgram, events: readonly LoggedEvent[]): Map<string, ViewState> {
  const states = new Map<string, ViewState>();
  for (const one of events) apply(program, states, one);
  return states;
}

/** The features that a model would get: float32, null as NaN. */
export function read(program: ViewProgram, state: ViewState | undefined, asOf: number): number[] {
  const values = new Float64Array(program.featureNames.length);
  readFeatures(program, state ?? null, asOf, values, 0);
  return Array.from(values, float32Of);
}

/** The oracle's answer for the events that a read sees, in the same form. */
export function readNaively(
  drawn: History,
  key: string,
  asOf: number,
  seen: readonly LoggedEvent[],
): number[] {
  const own = seen.filter((one) => one.key === key);
  return Object.values(naiveFeatures(drawn.view, own, asOf)).map(float32Of);
}
