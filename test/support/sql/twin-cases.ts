import fc from 'fast-check';
import type { ViewFeature } from '../../../src/define/aggregation.ts';
import { entity } from '../../../src/define/entity.ts';
import { featureView, type FeatureView } from '../../../src/define/feature-view.ts';
import { compileView, prepareEvent, viewKeyOf, type ViewProgram } from '../../../src/fold/compile-view.ts';
import { applyEvent, createState, readFeatures } from '../../../src/fold/view-state.ts';
import { hasExactSqlForm } from '../../../src/store/sql/sql-aggregate-of.ts';
import type { TwinRow } from '../../../src/store/sql/view-twin.ts';
import { LANDS } from '../../property/fold/aggregation-arbitrary.ts';
import {
  history,
  HOUR_MS,
  KEYS,
  SOURCE_PARTITIONS,
  START_MS,
  view as anyView,
  type LoggedEvent,
} from '../../property/fold/history-arbitrary.ts';
import { streamedAsOf } from '../fold/streamed-as-of.ts';
import { float32Of } from '../naive/float32.ts';
import { naiveFreshFeatures } from '../naive/naive-freshness.ts';
import { naiveFeatures } from '../naive-features.ts';

/** Histories side by side in one log, and what is read of them. */
export interface TwinCase {
  readonly view: FeatureView;
  readonly program: ViewProgram;
  readonly events: readonly LoggedEvent[];
  readonly rows: readonly (TwinRow & Required<Pick<TwinRow, 'fence'>>)[];
}

const PARTITIONS_MAX = 512;
/** Histories that fit into one source: each has partitions of its own, so that offsets differ. */
export const HISTORIES_MAX = Math.floor(PARTITIONS_MAX / SOURCE_PARTITIONS);
/** Moves a history across the epoch, where a tile's floor is not its quotient. */
const BEFORE_EPOCH_MS = START_MS + 40 * HOUR_MS;

/** Events that happen, and become known, at the same few moments. */
const TIED_MS = 8 * HOUR_MS;

const read = fc.record({
  key: fc.constantFrom(...KEYS, 'never seen', null),
  country: fc.option(fc.constantFrom(...LANDS)),
  lead: fc.oneof(fc.constant(0), fc.integer({ min: -HOUR_MS, max: 50 * HOUR_MS })),
  asOf: fc.integer({ min: -HOUR_MS, max: 120 * HOUR_MS }),
  // Null: the partition is not named by the fence.
  fence: fc.array(fc.option(fc.integer({ min: -1, max: 25 })), {
    minLength: SOURCE_PARTITIONS,
    maxLength: SOURCE_PARTITIONS,
  }),
});

/** Half of a float32's last bit. */
const TIED = 16_777_217;
/** Numbers that are hard to add up: halves of a float32's last bit, far apart, and both zeros. */
const hard = fc.constantFrom(-0, 0, 0.1, 1e-7, TIED, 2 ** 53 + 2, 1e15 + 0.5, 123_456_789.987, -1e-30, 5e-324);

const oneHistory = fc.record({
  history,
  reads: fc.array(read, { minLength: 1, maxLength: 8 }),
  beforeEpoch: fc.boolean(),
  tied: fc.boolean(),
  hard: fc.option(fc.array(hard, { minLength: 1, maxLength: 12 })),
});

/** One view over many histories. */
export const twinCase = (index: number, histories: number): fc.Arbitrary<TwinCase> =>
  fc
    .record({
      view: anyView.filter((drawn) => Object.values(drawn.features).some(hasExactSqlForm)),
      drawn: fc.array(oneHistory, { minLength: histories, maxLength: histories }),
    })
    .map(({ view: drawnView, drawn }) => {
      const view = viewOver(drawnView, index, histories);
      const program = compileView(view);
      const events = drawn.flatMap((one, h) =>
        one.history.events.map((event, i) => placed(event, h, one, hardAmount(view, one.hard, i))),
      );
      const rows = drawn.flatMap((one, h) =>
        one.reads.map(({ key, country, lead, asOf, fence }) => {
          const own = new Map(fence.map((offset, partition) => [h * SOURCE_PARTITIONS + partition, offset] as const));
          const named = [...own].flatMap(([partition, offset]) => (offset === null ? [] : [[partition, offset] as const]));
          const parts = [key === null ? null : `${key}/${h}`, country];
          const row = { key: parts.slice(0, view.entity.keys.length), fence: Object.fromEntries(named) };
          // A live read may lie an hour before the newest event that it saw, not further.
          const newest = Math.max(...seenBy(program, events, row).map(({ knownTime }) => knownTime));
          const moved = one.beforeEpoch ? -BEFORE_EPOCH_MS : 0;
          return { ...row, asOf: Number.isFinite(newest) ? newest + lead : START_MS + moved + asOf };
        }),
      );
      return { view, program, events, rows };
    });

/** Features of all events of a case, whatever their entity. */
export function ofAllEvents({ view: { source }, events, rows }: TwinCase): TwinCase {
  const view = featureView({
    name: 'all_payments',
    entity: entity({ name: 'everything', keys: [] }),
    source,
    features: () => ({
      events: { kind: 'count', field: null, window: '24h' },
      amount: { kind: 'sum', field: 'amount', window: '7d' },
    }),
  });
  return { view, program: compileView(view), events, rows: rows.map((row) => ({ ...row, key: [] })) };
}

/** The drawn features over a log of their own; every other view is of two keys, one named differently in the source. */
function viewOver(drawn: FeatureView, index: number, histories: number): FeatureView {
  const features = Object.fromEntries(Object.entries(drawn.features).filter(([, feature]) => hasExactSqlForm(feature)));
  const source = { ...drawn.source, name: `payment_${index}`, partitions: histories * SOURCE_PARTITIONS };
  const shared = { name: 'card_payments', source, features: () => features };
  if (index % 2 === 0) return featureView({ ...shared, entity: drawn.entity });
  const cardInLand = entity({ name: 'card_in_land', keys: ['card', 'land'] });
  return featureView({ ...shared, entity: cardInLand, keyFields: { land: 'country' } as never });
}

/** A weight, which is rounded to a double, may tip a tie of float32: those are kept from decayed sums. */
function hardAmount(view: FeatureView, drawn: readonly number[] | null, i: number): number | undefined {
  const amount = drawn?.[i % drawn.length];
  const isDecayed = Object.values<ViewFeature>(view.features).some(({ kind }) => kind.startsWith('decayed'));
  return isDecayed && amount === TIED ? undefined : amount;
}

function placed(
  event: LoggedEvent,
  h: number,
  { beforeEpoch, tied }: { readonly beforeEpoch: boolean; readonly tied: boolean },
  hardAmount: number | undefined,
): LoggedEvent {
  const moved = beforeEpoch ? BEFORE_EPOCH_MS : 0;
  const effectiveTime = (tied ? Math.floor(event.effectiveTime / TIED_MS) * TIED_MS : event.effectiveTime) - moved;
  const knownTime = (tied ? Math.ceil(event.knownTime / TIED_MS) * TIED_MS : event.knownTime) - moved;
  const card = `${event.key}/${h}`;
  return {
    ...event,
    key: card,
    sourcePartition: h * SOURCE_PARTITIONS + event.sourcePartition,
    effectiveTime,
    knownTime,
    row: {
      ...event.row,
      id: `${h}/${event.sourcePartition}/${event.sourceOffset}`,
      card,
      at: effectiveTime,
      ...(hardAmount === undefined ? {} : { amount: hardAmount }),
    },
  };
}

type Read = Pick<TwinRow, 'key' | 'fence'>;

const keyOf = ({ key }: Read): string | null => (key.includes(null) ? null : key.join('\u001f'));

/** Events of the row's entity at or below its fences. */
function seenBy(program: ViewProgram, events: readonly LoggedEvent[], row: Read): LoggedEvent[] {
  const key = keyOf(row);
  if (key === null) return [];
  return events.filter(
    (event) =>
      event.sourceOffset <= (row.fence?.[event.sourcePartition] ?? -1) && viewKeyOf(program, event.row) === key,
  );
}

const float32s = (values: Float64Array): number[] => Array.from(values, float32Of);

/** What a live read of the folded states gives up to the fences of each row, in float32. */
export function foldUpToFences({ program, events, rows }: TwinCase): number[][] {
  const inputs = new Float64Array(program.inputCount);
  return rows.map((row) => {
    const state = createState(program);
    for (const event of seenBy(program, events, row)) {
      prepareEvent(program, event.row, inputs, 0);
      const { sourcePartition, sourceOffset, effectiveTime, knownTime } = event;
      applyEvent(program, state, sourcePartition, sourceOffset, effectiveTime, knownTime, inputs, 0);
    }
    const values = new Float64Array(program.featureNames.length);
    readFeatures(program, state, row.asOf, values, 0);
    return float32s(values);
  });
}

/** What a point-in-time read of history gives for each row, in float32. */
export function foldAsKnown({ program, events, rows }: TwinCase): number[][] {
  const width = program.featureNames.length;
  const { values } = streamedAsOf(program, events, {
    keys: rows.map(keyOf),
    asOf: Float64Array.from(rows, (row) => row.asOf),
  });
  return rows.map((_, r) => float32s(values.subarray(r * width, (r + 1) * width)));
}

/** The oracle's answer for each row, in float32. */
export function naively({ view, program, events, rows }: TwinCase, visibility: 'known' | 'fence'): number[][] {
  return rows.map((row) => {
    const key = keyOf(row);
    const seen =
      visibility === 'fence'
        ? seenBy(program, events, row)
        : events.filter((event) => event.knownTime <= row.asOf && key !== null && viewKeyOf(program, event.row) === key);
    // Without a key no state is asked for: no contract on ages can be broken.
    const features = key === null ? naiveFeatures(view, seen, row.asOf) : naiveFreshFeatures(view, seen, row.asOf).features;
    return Object.values(features).map(float32Of);
  });
}
