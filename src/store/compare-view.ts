import { setTimeout as sleep } from 'node:timers/promises';
import type { Fence } from '../contracts/decision.ts';
import type { Clock } from '../core/clock.ts';
import { canonicalJson } from '../core/json.ts';
import { isMillraceError, MillraceError } from '../core/millrace-error.ts';
import { shownEntityKey, splitEntityKey } from '../define/entity.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import { partitionOf } from '../fold/partition-of.ts';
import { decodeState } from '../fold/state-codec.ts';
import type { DefinedView } from '../fold/view-of-definition.ts';
import { applyEvent, createState, fenceOf, readFeatures, type ViewState } from '../fold/view-state.ts';
import type { Postgres } from '../infra/postgres.ts';
import { ONE_STATE, withColdRows } from './cold-log/with-cold-rows.ts';
import { readIngestPositions } from './ingest-positions.ts';
import { scanEvents } from './offline-log.ts';
import type { OnlineStore } from './online-store.ts';
import { sampleKeys } from './sample-keys.ts';
import { readTwin, type TwinRow } from './sql/view-twin.ts';
import { EventColumnsBuilder, fieldsOfView } from './view-events.ts';

/** Keys that are compared, drawn by the view's name and version. */
export const COMPARE_KEYS = 200;
/** Moments of each key: when its newest event was known, and then, as shares of the longest window. */
const MOMENT_SHARES = [0, 1 / 16, 1 / 4, 3 / 4];
const MOMENTS_SPAN_MS_MAX = 90 * 86_400_000;
const DIFFERENCES_SHOWN_MAX = 20;
/** The fold may be ahead of the offline log by one batch of ingest: so long the log is waited for. */
const LOG_WAIT_MS_MAX = 5_000;
const LOG_POLL_MS = 100;

export interface CompareDeps {
  readonly postgres: Postgres;
  readonly store: Pick<OnlineStore, 'readStates' | 'readPositions'>;
  readonly clock: Clock;
}

/** What a new version's states were held against. */
export interface ViewComparison {
  readonly keys: number;
  readonly moments: number;
  /** Values compared with the raw rows. */
  readonly values: number;
  /** `sql`: recomputed by SQL; `fold`: an aggregation has no SQL form, so the log was folded again. */
  readonly by: 'sql' | 'fold';
  /** Values of features that did not change, compared with the version that is current. */
  readonly valuesWithCurrent: number;
  /** Keys whose states had not seen the log's newest rows yet, or not the same as the current version's: left out. */
  readonly keysLeftOut: number;
  /** The first ones. */
  readonly differences: readonly ViewDifference[];
  readonly differing: number;
}

export interface ViewDifference {
  readonly feature: string;
  readonly entityKey: string;
  readonly asOf: number;
  /** Null where the value is null. */
  readonly found: number | null;
  readonly expected: number | null;
  readonly against: 'raw rows' | 'current version';
}

interface SampledState {
  readonly entityKey: string;
  readonly state: ViewState;
  /** What the state has seen; of a key without a state, what its partition has. */
  readonly fence: Fence;
  /** Moment of the first read, ms since the epoch. */
  readonly from: number;
}

/**
 * Reads a sample of keys at several moments from a version's states and holds every value, bit for bit as a
 * model gets it (float32), against what SQL makes of the raw rows that the state has seen, and against the current
 * version's states for features that are defined alike.
 * @param before the version that is current, null where there is none
 */
export async function compareView(
  deps: CompareDeps,
  program: ViewProgram,
  before: ViewProgram | null,
  keysMax: number = COMPARE_KEYS,
): Promise<ViewComparison> {
  const keys = await sampleKeys(deps.postgres, program, keysMax);
  const { all, sample } = await settledSample(deps, program, keys);
  const reads = sample.flatMap((one) => momentsOf(program, one.from).map((asOf) => ({ ...one, asOf })));
  const found = reads.map(({ state, asOf }) => valuesOf(program, state, asOf));
  const { values: expected, by } = await recompute(deps.postgres, program, reads);
  const differences: ViewDifference[] = [];
  let differing = 0;
  const compare = (
    read: (typeof reads)[number],
    feature: string,
    a: number,
    b: number,
    against: ViewDifference['against'],
  ): void => {
    if (Object.is(Math.fround(a), Math.fround(b))) return;
    differing += 1;
    if (differences.length >= DIFFERENCES_SHOWN_MAX) return;
    const { entityKey, asOf } = read;
    differences.push({ feature, entityKey, asOf, found: nullOf(a), expected: nullOf(b), against });
  };
  const width = program.featureNames.length;
  reads.forEach((read, i) =>
    program.featureNames.forEach((feature, f) =>
      compare(read, feature, found[i]![f]!, expected[i * width + f]!, 'raw rows'),
    ),
  );
  const shared = before === null ? [] : sharedFeatures(program, before);
  const twins = before === null || shared.length === 0 ? [] : await readSample(deps, before, keys);
  const twinOf = new Map(twins.map((one) => [one.entityKey, one]));
  let valuesWithCurrent = 0;
  reads.forEach((read, i) => {
    const twin = twinOf.get(read.entityKey);
    // Live events come to the two versions one after the other.
    if (before === null || twin === undefined || !sameFence(read.fence, twin.fence)) return;
    const current = valuesOf(before, twin.state, read.asOf);
    for (const { name, at, atBefore } of shared) {
      valuesWithCurrent += 1;
      compare(read, name, found[i]![at]!, current[atBefore]!, 'current version');
    }
  });
  return {
    keys: sample.length,
    moments: reads.length,
    values: reads.length * width,
    by,
    valuesWithCurrent,
    keysLeftOut: all.length - sample.length,
    differences,
    differing,
  };
}

/** @throws MillraceError FEATURE_VIEW_UNEQUAL naming the first differences */
export function assertEqual(program: ViewProgram, { differing, differences, values }: ViewComparison): void {
  if (differing === 0) return;
  const shown = differences
    .slice(0, 5)
    .map(
      ({ feature, entityKey, asOf, found, expected, against }) =>
        `${feature} of ${shownEntityKey(entityKey)} as of ${new Date(asOf).toISOString()} is ${found ?? 'null'}, ${against}: ${expected ?? 'null'}`,
    );
  throw new MillraceError(
    'FEATURE_VIEW_UNEQUAL',
    `Feature view '${program.name}' version ${program.version} did not become current: ${differing} of ${values} values differ. ${shown.join('; ')}. Rebuild it ('millrace materialize ${program.name}'), then apply again.`,
  );
}

async function readSample(
  deps: CompareDeps,
  program: ViewProgram,
  keys: readonly string[],
): Promise<SampledState[]> {
  const positions = await deps.store.readPositions(program);
  const found = await deps.store.readStates(keys.map((entityKey) => ({ program, entityKey })));
  return keys.map((entityKey, i) => {
    const bytes = found[i] ?? null;
    if (bytes !== null) {
      const state = decodeState(program, bytes);
      return { entityKey, state, fence: fenceOf(state), from: state.newestKnownTime };
    }
    // Read as one without events, which the raw rows that its partition has seen must bear out: states with known times of the
    // broker end some time after their last event is out of every window.
    const position = positions[partitionOf(entityKey, program.partitions)];
    const from = program.view.source.knownTime === 'broker' ? deps.clock() : (position?.newestKnownTime ?? 0);
    return { entityKey, state: createState(program), fence: position?.watermarks ?? {}, from };
  });
}

/** The keys whose states saw only what the offline log has, after a short wait for it. */
async function settledSample(
  deps: CompareDeps,
  program: ViewProgram,
  keys: readonly string[],
): Promise<{ all: readonly SampledState[]; sample: readonly SampledState[] }> {
  const all = await readSample(deps, program, keys);
  for (let waitedMs = 0; ; waitedMs += LOG_POLL_MS) {
    const logged = await loggedTest(deps.postgres, program);
    const sample = all.filter(({ fence }) => logged(fence));
    if (sample.length === all.length || waitedMs >= LOG_WAIT_MS_MAX) return { all, sample };
    await sleep(LOG_POLL_MS);
  }
}

/** Whether the offline log has every event that a state has seen: the fold may be ahead of it by a batch. */
async function loggedTest(
  postgres: Postgres,
  program: ViewProgram,
): Promise<(fence: Readonly<Record<string, number>>) => boolean> {
  const positions = await readIngestPositions(postgres, program.view.source.name);
  const nextOf = new Map(positions.map((p) => [String(p.partition), p.nextOffset]));
  return (fence) =>
    Object.entries(fence).every(([partition, offset]) => offset < (nextOf.get(partition) ?? 0));
}

function momentsOf(program: ViewProgram, from: number): number[] {
  const span = Math.min(program.longestWindowMs, MOMENTS_SPAN_MS_MAX);
  return MOMENT_SHARES.map((share) => Math.floor(from + share * span));
}

function valuesOf(program: ViewProgram, state: ViewState, asOf: number): Float64Array {
  const out = new Float64Array(program.featureNames.length);
  readFeatures(program, state, asOf, out, 0);
  return out;
}

async function recompute(
  postgres: Postgres,
  program: ViewProgram,
  reads: readonly (SampledState & { readonly asOf: number })[],
): Promise<{ values: Float64Array; by: 'sql' | 'fold' }> {
  const rows = reads.map(
    ({ entityKey, fence, asOf }): TwinRow => ({ key: splitEntityKey(entityKey), asOf, fence }),
  );
  try {
    return { values: await readWholeLog(postgres, program, rows), by: 'sql' };
  } catch (error) {
    if (!isMillraceError(error) || error.code !== 'FEATURE_SQL_UNSUPPORTED') throw error;
    return { values: await foldAgain(postgres, program, reads), by: 'fold' };
  }
}

/** The log with what was pruned from it: the states were filled from files too. */
const readWholeLog = (postgres: Postgres, program: ViewProgram, rows: readonly TwinRow[]): Promise<Float64Array> =>
  postgres.transaction(async (tx) => {
    await tx.query(ONE_STATE);
    return readTwin(await withColdRows(postgres, tx, [{ view: program, rows }]), program.view, rows, 'fence');
  });

/** The events of the sampled keys up to the fences of their states, folded in one go. */
async function foldAgain(
  postgres: Postgres,
  program: ViewProgram,
  reads: readonly (SampledState & { readonly asOf: number })[],
): Promise<Float64Array> {
  const wanted = new Map(reads.map(({ entityKey, fence }) => [entityKey, fence]));
  const states = new Map([...wanted.keys()].map((key) => [key, createState(program)]));
  const builder = new EventColumnsBuilder(program);
  await scanEvents(
    postgres,
    program.view.source,
    fieldsOfView(program),
    { order: 'offset' },
    (event) => builder.add(event),
    () => {
      const events = builder.take();
      for (let i = 0; i < events.rows; i++) {
        const key = events.keys[events.keyIds[i] as number] as string;
        const state = states.get(key);
        const partition = events.sourcePartitions[i] as number;
        const offset = events.sourceOffsets[i] as number;
        if (state === undefined || offset > (wanted.get(key)?.[partition] ?? -1)) continue;
        applyEvent(
          program,
          state,
          partition,
          offset,
          events.effectiveTime[i] as number,
          events.knownTime[i] as number,
          events.inputs,
          i * program.inputCount,
        );
      }
      return Promise.resolve();
    },
  );
  const width = program.featureNames.length;
  const values = new Float64Array(reads.length * width);
  reads.forEach(({ entityKey, asOf }, i) =>
    readFeatures(program, states.get(entityKey) ?? null, asOf, values, i * width),
  );
  return values;
}

/** Features of one name and one definition in both versions, where both read the same events by the same key. */
function sharedFeatures(
  program: ViewProgram,
  before: ViewProgram,
): { name: string; at: number; atBefore: number }[] {
  const now = program.definition as unknown as DefinedView;
  const then = before.definition as unknown as DefinedView;
  const rowsOf = ({ entity, source, eventTime, keyFields }: DefinedView): string =>
    canonicalJson({ entity, source, eventTime, keyFields });
  if (rowsOf(now) !== rowsOf(then)) return [];
  return now.features.flatMap((feature, at) => {
    const atBefore = then.features.findIndex((candidate) => canonicalJson(candidate) === canonicalJson(feature));
    return atBefore < 0 ? [] : [{ name: feature.name, at, atBefore }];
  });
}

const sameFence = (a: Fence, b: Fence): boolean => canonicalJson(a) === canonicalJson(b);

const nullOf = (value: number): number | null => (Number.isNaN(value) ? null : value);
