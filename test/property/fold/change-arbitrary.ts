import fc from 'fast-check';
import type { Aggregation, ViewFeature } from '../../../src/define/aggregation.ts';
import { CHANGE_ID, CHANGE_SIGN } from '../../../src/define/change-fields.ts';
import { irreversibleKinds } from '../../../src/define/checks/check-reversible.ts';
import { aggregationsOf } from '../../../src/define/aggregation.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
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
import { anyFeature, LANDS, viewFeature } from './aggregation-arbitrary.ts';
import { HOUR_MS, KEYS, SOURCE_PARTITIONS, START_MS, type History, type LoggedEvent } from './history-arbitrary.ts';

/** A row at one time of its life: what it was from a moment on, null once it is deleted. */
export interface Version {
  readonly knownTime: number;
  readonly event: LoggedEvent | null;
}

export interface ChangeHistory extends History {
  /** Of each row its versions, oldest first. */
  readonly lives: readonly (readonly Version[])[];
}

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
  changes: true,
});
const card = entity({ name: 'card', keys: ['card'] });

const isReversible = (feature: ViewFeature): boolean =>
  aggregationsOf(feature).every(({ kind }: Aggregation) => irreversibleKinds[kind] === null);

/** Numbers that leave nothing of each other where a sum rounds. */
const amount = fc.oneof(
  fc.integer({ min: -5_000_000, max: 5_000_000 }).map((thousandths) => thousandths / 1_000),
  fc.constantFrom(1e30, -1e30, 1e15, 0.1, 1e-7, -1e-30, 0),
);

const row = fc.record({
  key: fc.constantFrom(...KEYS),
  at: fc.oneof(fc.integer({ min: 0, max: HOUR_MS }), fc.integer({ min: 0, max: 40 * HOUR_MS })),
  amount,
  fee: fc.option(amount),
  online: fc.option(fc.boolean()),
  country: fc.option(fc.constantFrom(...LANDS)),
});

/** Null is a delete, after which the row may come again. */
const life = fc.record({
  partition: fc.integer({ min: 0, max: SOURCE_PARTITIONS - 1 }),
  versions: fc.array(fc.record({ row: fc.option(row, { freq: 3 }), delay: fc.nat({ max: 20 * HOUR_MS }) }), {
    minLength: 1,
    maxLength: 5,
  }),
});
type Life = typeof life extends fc.Arbitrary<infer T> ? T : never;

/** Rows that come, change and go, as the log has them: by known time, with both rows of an update at one offset. */
const historyOf = (feature: fc.Arbitrary<ViewFeature>, sizes: { readonly livesMax: number }) =>
  fc
    .record({
      features: fc.array(feature.filter(isReversible), { minLength: 1, maxLength: 8 }),
      drawn: fc.array(life, { maxLength: sizes.livesMax }),
    })
    .map(({ features, drawn }) => changesOf(features, drawn));

/** The history of rows that live so. */
export function changesOf(features: readonly ViewFeature[], drawn: readonly Life[]): ChangeHistory {
  const view = featureView({
    name: 'card_payments',
    entity: card,
    source: payments,
    features: () => Object.fromEntries(features.map((one, i) => [`f${i}`, one])),
  });
  const { events, lives } = logOf(drawn);
  return { view, program: compileView(view), events, lives };
}

function logOf(drawn: readonly Life[]): { events: LoggedEvent[]; lives: Version[][] } {
  const changes = drawn.flatMap(({ partition, versions }, rowNumber) => {
    let knownTime = START_MS + 40 * HOUR_MS;
    let before: LoggedEvent | null = null;
    return versions.flatMap(({ row, delay }, i) => {
      knownTime += delay;
      if (row === null && before === null) return [];
      const after = row === null ? null : eventOf(row, rowNumber, partition, knownTime, `${rowNumber}/${i}`);
      const change = { rowNumber, knownTime, before, after };
      before = after;
      return [change];
    });
  });
  const next = new Array<number>(SOURCE_PARTITIONS).fill(0);
  const lives: Version[][] = drawn.map(() => []);
  const events = changes
    .toSorted((a, b) => a.knownTime - b.knownTime)
    .flatMap(({ rowNumber, knownTime, before, after }) => {
      const { sourcePartition } = (after ?? before)!;
      const sourceOffset = next[sourcePartition]!++;
      lives[rowNumber]!.push({ knownTime, event: after });
      const signed = (one: LoggedEvent | null, sign: number): LoggedEvent[] =>
        one === null
          ? []
          : [{ ...one, sourceOffset, knownTime, row: { ...one.row, [CHANGE_SIGN]: sign } }];
      return [...signed(before, -1), ...signed(after, 1)];
    });
  return { events, lives };
}

function eventOf(
  { key, at, ...fields }: NonNullable<Life['versions'][number]['row']>,
  rowNumber: number,
  sourcePartition: number,
  knownTime: number,
  changeId: string,
): LoggedEvent {
  const effectiveTime = START_MS + at;
  const row = { ...fields, id: `r${rowNumber}`, card: key, at: effectiveTime, [CHANGE_ID]: changeId, [CHANGE_SIGN]: 1 };
  return { key, sourcePartition, sourceOffset: 0, effectiveTime, knownTime, row };
}

/** Of features that the oracle has to the last bit. */
export const changeHistory = historyOf(viewFeature, { livesMax: 15 });
/** Of all that can take a row back. */
export const anyChangeHistory = historyOf(anyFeature, { livesMax: 15 });

/** The rows that are there as of a moment, as they are then. */
export const survivors = ({ lives }: ChangeHistory, asOf: number): LoggedEvent[] =>
  lives.flatMap((versions) => versions.findLast(({ knownTime }) => knownTime <= asOf)?.event ?? []);
