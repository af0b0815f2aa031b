import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, inject, onTestFinished, test } from 'vitest';
import type { SourceOffset } from '../../src/store/online-store.ts';
import { createRandom } from '../../src/training/seeded-random.ts';
import { eventually } from '../support/eventually.ts';
import { checkBalance } from './check-balance.ts';
import { checkStates, compareStates } from './check-states.ts';
import { drawRounds, type PlannedRound } from './fault-sequence.ts';
import { describeRun, type FinishedRound, type RunFigures } from './fault-summary.ts';
import { openFaultWorld, type FaultWorld } from './fault-world.ts';
import { faults, faultsAtRest, type Fault } from './faults.ts';
import { orderSource } from './faults-project.ts';
import { readTopics } from './read-topic.ts';
import { settle } from './settle.ts';

const names = Object.keys(faults);
const seed = Number(process.env['MILLRACE_FAULTS_SEED'] ?? Date.now() % 1_000_000);
const rounds = Number(process.env['MILLRACE_FAULTS_ROUNDS'] ?? names.length);
/** A comma-separated choice of fault names, to look at some only. */
const only = process.env['MILLRACE_FAULTS_ONLY']?.split(',');

/** Events flow so long before a fault. */
const BEFORE_MS = 1_500;
/** A dead rebuild's lease ends after 30 s; a forgotten connection is noticed later than that. */
const RECOVERY_LIMIT_MS = 120_000;
const ROUND_LIMIT_MS = 300_000;
const REBUILDS = 3;
/** Each rebuild's second flush comes later than the one's before. */
const REBUILD_GAP_MS = 150;
const COPY_MESSAGES = 100;

let world: FaultWorld;
const say = (text: string): boolean => process.stdout.write(`${text}\n`);

beforeAll(async () => {
  expect(
    Number.isInteger(seed) && Number.isInteger(rounds) && rounds > 0,
    'MILLRACE_FAULTS_SEED and _ROUNDS are whole numbers',
  ).toBe(true);
  say(`faults: MILLRACE_FAULTS_SEED=${seed} MILLRACE_FAULTS_ROUNDS=${rounds}`);
});

test(
  'after every fault each event counts exactly once, and every state equals the oracle',
  async () => {
    world = await openFaultWorld(inject('faultsDataDir'), seed);
    onTestFinished(() => world.close());
    const random = createRandom(seed);
    const chosen = only === undefined ? names : names.filter((name) => only.includes(name));
    const planned = drawRounds(chosen, faultsAtRest, rounds, random);
    const startedAt = performance.now();
    const finished: FinishedRound[] = [];
    for (const [at, round] of planned.entries()) {
      const text = `round ${at + 1}/${rounds}: ${round.faults.join(' + ')}${round.isAtRest ? ', at rest' : ''}`;
      try {
        const recoverySeconds = await runRound(round, random);
        finished.push({ ...round, recoverySeconds });
        say(`${text}: whole again after ${recoverySeconds.toFixed(1)} s, all equal`);
      } catch (error) {
        throw new Error(`seed ${seed}, ${text}: ${error instanceof Error ? error.message : String(error)}`, {
          cause: error,
        });
      }
    }
    say(`\n${describeRun(finished, await figuresOf((performance.now() - startedAt) / 1_000))}\n`);
  },
  rounds * ROUND_LIMIT_MS,
);

test(
  'a rebuild under live events, over a Redis that is flushed, ends with the states of an undisturbed pipeline',
  async () => {
    world = await openFaultWorld(inject('faultsDataDir'), seed + 1);
    onTestFinished(() => world.close());
    world.sender.flow();
    let rebuilds = 0;
    for (; rebuilds < REBUILDS; rebuilds++) {
      await sleep(BEFORE_MS);
      const rebuild = await world.startExtra('rebuild');
      const ended = rebuild.ended(RECOVERY_LIMIT_MS);
      await world.redis.flushall();
      await sleep(rebuilds * REBUILD_GAP_MS);
      await world.redis.flushall();
      expect(await ended).toBe(0);
      await rebuild.stop();
    }
    await world.sender.rest();
    await settle(world, world.programs, RECOVERY_LIMIT_MS);
    await check();
    await expectUndisturbed();
  },
  ROUND_LIMIT_MS,
);

/** A second pipeline gets the same messages at the same offsets, and nothing happens to it. */
async function expectUndisturbed(): Promise<void> {
  const other = await openFaultWorld(inject('faultsDataDir'), seed + 1);
  onTestFinished(() => other.close());
  const source = orderSource.name;
  const messages = await readTopics(world.brokers, [world.names.sourceTopic(source)]);
  const producer = await other.kafka.createProducer();
  for (let from = 0; from < messages.length; from += COPY_MESSAGES) {
    const chunk = messages.slice(from, from + COPY_MESSAGES);
    await producer.send(chunk.map((message) => ({ ...message, topic: other.names.sourceTopic(source) })));
  }
  await producer.close();
  await settle(other, other.programs, RECOVERY_LIMIT_MS);
  // Clicks are known when the broker appends them: a copy is another event.
  const programs = world.programs.filter((program) => program.view.source.name === source);
  const findings = (
    await Promise.all(programs.map((program) => compareStates(world, other, program)))
  ).flat();
  say(
    `rebuild: ${REBUILDS} rebuilds over ${2 * REBUILDS} flushes, ${messages.length} messages of '${source}' in both pipelines, ${findings.length} differences`,
  );
  expect(findings.slice(0, 1)).toEqual([]);
}

/** @returns the longest that a fresh event took to be visible, or that states at rest took to be whole, in seconds */
async function runRound(
  { faults: drawn, isAtRest }: PlannedRound,
  random: ReturnType<typeof createRandom>,
): Promise<number> {
  const { sender, programs } = world;
  sender.flow();
  await sleep(BEFORE_MS);
  if (isAtRest) await sender.rest();
  const running = Promise.all(drawn.map((name) => (faults[name] as Fault)(world, random)));
  running.catch(() => undefined);
  let settledSeconds = 0;
  if (isAtRest) {
    await running;
    const overAt = performance.now();
    await settle(world, programs, RECOVERY_LIMIT_MS);
    settledSeconds = (performance.now() - overAt) / 1_000;
    await check();
  }
  const recoverySeconds = Math.max(settledSeconds, await longestWait(running));
  await sender.rest();
  await settle(world, programs, RECOVERY_LIMIT_MS);
  await check();
  return recoverySeconds;
}

/**
 * Sends fresh events to every partition, one after the other, until some sent after the fault's end are visible.
 * @returns the longest time in seconds that one of them took from its sender to every view partition
 */
async function longestWait(fault: Promise<unknown>): Promise<number> {
  let isOver = false;
  const over = fault.then(() => {
    isOver = true;
  });
  let longest = 0;
  for (let isLast = false; !isLast;) {
    isLast = isOver;
    const sentAt = performance.now();
    await waitVisible(await world.sender.probe());
    longest = Math.max(longest, performance.now() - sentAt);
  }
  await over;
  return longest / 1_000;
}

/** Redis may be away meanwhile. */
async function waitVisible(offsets: readonly SourceOffset[]): Promise<void> {
  await eventually(
    'fresh events',
    RECOVERY_LIMIT_MS,
    () => world.store.waitVisible(world.programs, offsets, RECOVERY_LIMIT_MS).then(() => true),
    (isVisible) => isVisible,
  );
}

async function check(): Promise<void> {
  const findings = [
    ...(await checkBalance(world, world.sender.record)),
    ...(await checkStates(world, world.programs)),
  ];
  if (findings.length > 0) throw new Error(`${findings.length} differences, the first: ${findings[0]}`);
}

async function figuresOf(seconds: number): Promise<RunFigures> {
  const { record } = world.sender;
  const [counted] = await world.postgres.query<{ duplicates: number; dead: number }>(
    'SELECT sum(duplicates)::float8 AS duplicates, sum(dead_letters)::float8 AS dead FROM millrace.ingest_positions',
  );
  const [held] = await world.postgres.query<{ rows: number; ids: number }>(
    `SELECT count(*)::float8 AS rows, count(DISTINCT id)::float8 AS ids
       FROM (SELECT "orderId" AS id FROM log."order" UNION ALL SELECT "clickId" FROM log.click) AS events`,
  );
  return {
    seed,
    seconds,
    events: record.events.size,
    accepted: record.count(({ expected, accepted }) => expected === 'stored' && accepted > 0),
    rows: held?.rows ?? NaN,
    ids: held?.ids ?? NaN,
    duplicates: counted?.duplicates ?? NaN,
    deadLetters: counted?.dead ?? NaN,
    refused: record.count(({ expected }) => expected === 'refused'),
    processRestarts: world.processes.reduce((sum, one) => sum + one.restarts, 0),
    serverRestarts: world.servers.restarts,
    surprises: world.processes.flatMap((one) => one.surprises),
  };
}
