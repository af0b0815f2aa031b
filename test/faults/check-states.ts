import type { Names } from '../../src/contracts/names.ts';
import type { ViewProgram } from '../../src/fold/compile-view.ts';
import { partitionOf } from '../../src/fold/partition-of.ts';
import { decodeState } from '../../src/fold/state-codec.ts';
import { fenceOf, readFeatures, type ViewState } from '../../src/fold/view-state.ts';
import type { Postgres } from '../../src/infra/postgres.ts';
import type { Redis } from '../../src/infra/redis.ts';
import { naiveEntityKey, naiveFeatures } from '../support/naive-features.ts';
import { float32Of } from '../support/naive/float32.ts';
import { readLoggedEvents, type LoggedEvent } from '../support/naive/logged-events.ts';
import type { Finding } from './check-balance.ts';
import { windowOf } from '../support/naive/naive-window.ts';

export interface StateDeps {
  readonly postgres: Postgres;
  readonly redis: Redis;
  readonly names: Names;
}

/** Distance of the moments that are read from the newest known time: a past one, the newest, one to come. */
const MOMENTS_MS = [-900_000, -20_000, 0, 1_800_000];
const ALL_TIMES = { from: -8e15 / 1_000, to: 8e15 };
const EVENTS_SHOWN_MAX = 12;
const SCAN_COUNT = 1_000;

/**
 * Holds every state in Redis against the naive oracle over the offline log: the keys are those of the log, each fence
 * is the newest offset of its key, and every feature as of several moments is the same in float32.
 */
export async function checkStates(deps: StateDeps, programs: readonly ViewProgram[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const source of new Set(programs.map((program) => program.view.source))) {
    const views = programs.filter((program) => program.view.source === source);
    const events = await readLoggedEvents(
      deps.postgres,
      source,
      views.map((program) => program.view),
      ALL_TIMES,
    );
    for (const program of views) findings.push(...(await checkView(deps, program, events)));
  }
  return findings;
}

async function checkView(
  deps: StateDeps,
  program: ViewProgram,
  events: readonly LoggedEvent[],
): Promise<Finding[]> {
  const states = await readStates(deps, program);
  const byKey = new Map<string, LoggedEvent[]>();
  let newest = -Infinity;
  for (const event of events) {
    newest = Math.max(newest, event.knownTime);
    const key = naiveEntityKey(program.keyFields, event.row);
    if (key === null) continue;
    const own = byKey.get(key);
    if (own === undefined) byKey.set(key, [event]);
    else own.push(event);
  }
  const findings: Finding[] = [];
  for (const key of new Set([...byKey.keys(), ...states.keys()])) {
    const own = byKey.get(key) ?? [];
    const state = states.get(key);
    if (state === undefined)
      findings.push(`${program.name} ${key}: expected a state, found none; ${shown(own)}`);
    else findings.push(...checkState(program, key, state, own, newest));
  }
  return findings;
}

function checkState(
  program: ViewProgram,
  key: string,
  state: ViewState,
  events: readonly LoggedEvent[],
  newest: number,
): Finding[] {
  const fence: Record<string, number> = {};
  for (const { sourcePartition, sourceOffset } of events) {
    fence[sourcePartition] = Math.max(fence[sourcePartition] ?? -1, sourceOffset);
  }
  const [expectedFence, foundFence] = [JSON.stringify(fence), JSON.stringify(fenceOf(state))];
  if (expectedFence !== foundFence) {
    const beyond = events.filter(
      (event) => event.sourceOffset > (fenceOf(state)[event.sourcePartition] ?? -1),
    );
    return [`${program.name} ${key} fence: expected ${expectedFence}, found ${foundFence}; ${shown(beyond)}`];
  }
  const found = new Float64Array(program.featureNames.length);
  return MOMENTS_MS.flatMap((distance) => {
    const asOf = newest + distance;
    readFeatures(program, state, asOf, found, 0);
    const expected = naiveFeatures(program.view, events, asOf);
    return program.featureNames.flatMap((feature, i) => {
      const [wanted, got] = [float32Of(expected[feature]), float32Of(found[i])];
      if (Object.is(wanted, got)) return [];
      const aggregation = program.view.features[feature];
      const isInWindow = aggregation === undefined || 'parts' in aggregation ? () => true : windowOf(aggregation, asOf);
      const concerned = events.filter((event) => isInWindow(event.effectiveTime));
      return [
        `${program.name} ${key} ${feature} as of ${new Date(asOf).toISOString()}: expected ${wanted}, found ${got}; ${shown(concerned)}`,
      ];
    });
  });
}

/**
 * Holds the states of one pipeline against those of another that had the same events at the same offsets: keys, fences
 * and features as of several moments, in float32.
 */
export async function compareStates(
  found: Pick<StateDeps, 'redis' | 'names'>,
  expected: Pick<StateDeps, 'redis' | 'names'>,
  program: ViewProgram,
): Promise<Finding[]> {
  const [states, wanted] = [await readStates(found, program), await readStates(expected, program)];
  const newest = Math.max(...[...wanted.values()].map((state) => state.newestKnownTime));
  return [...new Set([...states.keys(), ...wanted.keys()])].flatMap((key) => {
    const [one, other] = [states.get(key), wanted.get(key)].map((state) =>
      state === undefined ? 'no state' : describeState(program, state, newest),
    );
    return one === other ? [] : [`${program.name} ${key}: expected ${other}, found ${one}`];
  });
}

function describeState(program: ViewProgram, state: ViewState, newest: number): string {
  const values = new Float64Array(program.featureNames.length);
  const moments = MOMENTS_MS.map((distance) => {
    readFeatures(program, state, newest + distance, values, 0);
    return Array.from(values, (value) => String(float32Of(value)));
  });
  return JSON.stringify({ fence: fenceOf(state), newestKnownTime: state.newestKnownTime, moments });
}

/** All states of a view, and only those: found by their keys' pattern, not by any list of what should be there. */
export async function readStates(
  { redis, names }: Pick<StateDeps, 'redis' | 'names'>,
  program: ViewProgram,
): Promise<Map<string, ViewState>> {
  const states = new Map<string, ViewState>();
  for (let partition = 0; partition < program.partitions; partition++) {
    const prefix = names.stateKey(program.name, program.version, partition, '');
    const keys: string[] = [];
    for (let cursor = '0'; ;) {
      const [next, page] = await redis.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', SCAN_COUNT);
      keys.push(...page);
      if (next === '0') break;
      cursor = next;
    }
    const values = keys.length === 0 ? [] : await redis.mgetBuffer(keys);
    for (const [i, redisKey] of keys.entries()) {
      const key = redisKey.slice(prefix.length);
      if (partitionOf(key, program.partitions) !== partition)
        throw new Error(`${redisKey} lies in a wrong partition`);
      const bytes = values[i];
      if (bytes !== undefined && bytes !== null) states.set(key, decodeState(program, bytes));
    }
  }
  return states;
}

function shown(events: readonly LoggedEvent[]): string {
  const newestFirst = [...events].reverse().slice(0, EVENTS_SHOWN_MAX);
  const lines = newestFirst.map(
    (event) =>
      `${event.sourcePartition}/${event.sourceOffset} effective ${event.effectiveTime} known ${event.knownTime} ${JSON.stringify(event.row)}`,
  );
  return `${events.length} events concerned: ${lines.join(', ')}`;
}
