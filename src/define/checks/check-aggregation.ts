import { formatDuration } from '../../core/duration.ts';
import type { Aggregation, AggregationKind } from '../aggregation.ts';
import { fieldIn, type FieldType, type Schema } from '../field.ts';
import { hopLadder, TILES_MAX, WINDOW_MAX_MS, WINDOW_MIN_MS } from '../hop-ladder.ts';
import { checkCondition } from './check-condition.ts';
import { checkDuration } from './check-duration.ts';
import { quoted } from './check-names.ts';
import { enumerate, type ProblemList } from './problem-list.ts';

const HOP_MIN_MS = 1_000;

/** Types of field that each kind aggregates; null for a kind that reads no field. */
const fieldTypesOf: Readonly<Record<AggregationKind, readonly FieldType[] | null>> = {
  count: null,
  sum: ['number', 'boolean'],
  mean: ['number', 'boolean'],
  min: ['number', 'timestamp'],
  max: ['number', 'timestamp'],
  variance: ['number', 'boolean'],
  stddev: ['number', 'boolean'],
  skewness: ['number', 'boolean'],
  first: ['number', 'boolean', 'timestamp'],
  last: ['number', 'boolean', 'timestamp'],
  lastN: ['number', 'boolean', 'timestamp'],
  decayedCount: null,
  decayedSum: ['number', 'boolean'],
  decayedMean: ['number', 'boolean'],
  timeSinceLast: null,
  approxDistinct: ['string', 'number', 'timestamp'],
  approxQuantile: ['number'],
  topK: ['string'],
};

const decayedKinds: ReadonlySet<AggregationKind> = new Set(['decayedCount', 'decayedSum', 'decayedMean']);
const halfLifeRange = { fromMs: 1_000, toMs: 365 * 86_400_000 };

export function checkAggregation(aggregation: Aggregation, schema: Schema, problems: ProblemList): void {
  const given: unknown = aggregation;
  if (typeof given !== 'object' || given === null || !Object.hasOwn(fieldTypesOf, aggregation.kind)) {
    problems.add(
      `expected one of ${enumerate(Object.keys(fieldTypesOf))}, found ${quoted((given as Partial<Aggregation> | null)?.kind ?? given)}. Make it with the argument of 'features'.`,
    );
    return;
  }
  checkField(aggregation, schema, problems);
  checkWindow(aggregation, problems);
  if (decayedKinds.has(aggregation.kind)) {
    checkDuration('halfLife', aggregation.halfLife, halfLifeRange, problems);
  }
  if (aggregation.kind === 'approxQuantile') checkShare('q', aggregation.q, problems);
  if (aggregation.where !== undefined) checkCondition(aggregation.where, schema, problems);
}

function checkShare(what: string, value: unknown, problems: ProblemList): void {
  if (typeof value === 'number' && value >= 0 && value <= 1) return;
  problems.add(`expected ${what} as a number from 0 to 1, found ${quoted(value)}. Set it within.`);
}

function checkField({ kind, field }: Aggregation, schema: Schema, problems: ProblemList): void {
  const types = fieldTypesOf[kind];
  if (types === null) return;
  const able = Object.keys(schema).filter((name) => types.includes(schema[name]?.type as FieldType));
  const found = field === null ? undefined : fieldIn(schema, field);
  if (found === undefined) {
    problems.add(
      `expected ${kind} of a field of the source, found ${quoted(field)}. Fields that it can take: ${enumerate(able)}.`,
    );
  } else if (!types.includes(found.type)) {
    problems.add(
      `expected ${kind} of a ${types.join(' or ')}, found ${found.type} '${field}'. Fields that it can take: ${enumerate(able)}.`,
    );
  }
}

function checkWindow(aggregation: Aggregation, problems: ProblemList): void {
  if (aggregation.window === 'lifetime') {
    if (aggregation.hop === undefined) return;
    problems.add(
      `expected no hop of a lifetime window, whose one tile never ages, found '${aggregation.hop}'. Leave it out.`,
    );
    return;
  }
  const windowMs = checkDuration(
    'window',
    aggregation.window,
    { fromMs: WINDOW_MIN_MS, toMs: WINDOW_MAX_MS },
    problems,
  );
  if (windowMs === undefined) {
    if (aggregation.hop !== undefined) {
      checkDuration('hop', aggregation.hop, { fromMs: HOP_MIN_MS, toMs: WINDOW_MAX_MS }, problems);
    }
    return;
  }
  const ladder = hopLadder(windowMs);
  const advice =
    ladder === undefined
      ? 'Use a window of whole seconds.'
      : `Leave the hop out to get '${formatDuration(ladder)}'.`;
  if (aggregation.hop === undefined) {
    if (ladder === undefined) {
      problems.add(
        `expected a window that a hop of whole seconds divides, found '${aggregation.window}'. ${advice}`,
      );
    } else {
      checkTiles(aggregation.window, windowMs, ladder, 'Give a hop that divides the window.', problems);
    }
    return;
  }
  const hopMs = checkDuration('hop', aggregation.hop, { fromMs: HOP_MIN_MS, toMs: windowMs }, problems);
  if (hopMs === undefined) return;
  if (windowMs % hopMs !== 0) {
    problems.add(
      `expected a window that is a multiple of the hop '${aggregation.hop}', found '${aggregation.window}'. ${advice}`,
    );
  } else {
    checkTiles(aggregation.window, windowMs, hopMs, advice, problems);
  }
}

function checkTiles(
  window: string,
  windowMs: number,
  hopMs: number,
  advice: string,
  problems: ProblemList,
): void {
  const tiles = windowMs / hopMs;
  if (tiles <= TILES_MAX) return;
  problems.add(
    `expected at most ${TILES_MAX} tiles a window, found ${tiles} of '${formatDuration(hopMs)}' in '${window}'. ${advice}`,
  );
}
