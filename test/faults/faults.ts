import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../../src/training/seeded-random.ts';
import { SESSION_TIMEOUT_MS, type DeathPoint } from './consumer-order.ts';
import type { FaultProcess } from './fault-process.ts';
import { restartableServers, type RestartableServer } from './fault-servers.ts';
import type { FaultWorld } from './fault-world.ts';

/** Something that goes wrong and is over when the promise resolves; what is broken then is for the pipeline to mend. */
export type Fault = (world: FaultWorld, random: SeededRandom) => Promise<void>;

const KILLS_MAX = 3;
const KILL_GAP_MS_MAX = 1_500;
const DOWN_MS_MIN = 500;
const DOWN_MS_MAX = 3_000;
const PASSES_MAX = 4;
/** A failpoint that is not passed within it had no traffic. */
const DEATH_LIMIT_MS = 30_000;
const PAUSE_MS = SESSION_TIMEOUT_MS + 2_000;
const LINK_MS = 4_000;
/** Beyond the time in which the drivers give a request up. */
const DEAD_LINK_MS = 14_000;

const below = (random: SeededRandom, limit: number): number => Math.floor(random.uniform() * limit);
const oneOf = <T>(random: SeededRandom, list: readonly T[]): T => list[below(random, list.length)] as T;
const downTime = (random: SeededRandom): number => DOWN_MS_MIN + below(random, DOWN_MS_MAX - DOWN_MS_MIN);

/** Kills a member again and again: also one that has only just come back. */
const killMembers =
  (role: 'ingest' | 'fold'): Fault =>
  async (world, random) => {
    const kills = 1 + below(random, KILLS_MAX);
    for (let kill = 0; kill < kills; kill++) {
      oneOf(random, world.members[role]).signal('SIGKILL');
      await sleep(below(random, KILL_GAP_MS_MAX));
    }
  };

/** Both members are told: whichever passes the point first dies there, then the other. */
const dieAt =
  (role: 'ingest' | 'fold', point: DeathPoint): Fault =>
  async (world, random) => {
    const deaths = world.members[role].map(async (member) => {
      member.order({ dieAt: point, passes: 1 + below(random, PASSES_MAX) });
      await member.ended(DEATH_LIMIT_MS);
    });
    await Promise.any(deaths);
  };

/** The rebuild's process dies with some keys written and its lease in Redis. */
const dieInRebuild: Fault = async (world, random) => {
  const rebuild = await world.startExtra('rebuild');
  rebuild.order({ dieAt: 'inRebuild', passes: 1 + below(random, PASSES_MAX) });
  await rebuild.ended(DEATH_LIMIT_MS);
  await rebuild.stop();
};

/** The group goes on without it; then it wakes up with what it had in hand. */
const hang =
  (role: 'ingest' | 'fold'): Fault =>
  async (world, random) => {
    const member = oneOf(random, world.members[role]);
    member.signal('SIGSTOP');
    await sleep(PAUSE_MS);
    member.signal('SIGCONT');
  };

const rebalance: Fault = async (world, random) => {
  const extras = await Promise.all([world.startExtra('ingest'), world.startExtra('fold')]);
  await sleep(below(random, KILL_GAP_MS_MAX));
  oneOf(random, world.members.ingest).signal('SIGTERM');
  oneOf(random, world.members.fold).signal('SIGTERM');
  await sleep(below(random, KILL_GAP_MS_MAX));
  await Promise.all(extras.map((extra) => extra.stop()));
};

const killGateway: Fault = async (world, random) => {
  const gateway = world.processes.find(({ name }) => name === 'gateway') as FaultProcess;
  gateway.signal('SIGKILL');
  await sleep(below(random, KILL_GAP_MS_MAX));
};

const restartKafka =
  (isOrderly: boolean): Fault =>
  async ({ servers }, random) => {
    if (isOrderly) await servers.stop('kafka');
    else await servers.kill('kafka', 'SIGKILL');
    await sleep(downTime(random));
    await servers.start('kafka');
  };

const stopPostgres: Fault = async ({ servers }, random) => {
  await servers.kill('postgres', 'SIGQUIT');
  await sleep(downTime(random));
  await servers.start('postgres');
};

const flushRedis: Fault = async ({ redis }) => {
  await redis.flushall();
};

/** A crash: Redis comes back as its last dump has it. */
const crashRedis: Fault = async ({ servers, redis, sender }, random) => {
  await redis.save();
  await moreEvents(sender, random);
  await servers.kill('redis', 'SIGKILL');
  await sleep(downTime(random));
  await servers.start('redis');
};

/** Someone restores a backup: an orderly end, an older dump, a start. */
const restoreRedis: Fault = async ({ servers, redis, sender }, random) => {
  await redis.save();
  await servers.keepDump();
  await moreEvents(sender, random);
  await servers.stop('redis');
  await servers.restoreDump();
  await servers.start('redis');
};

/** What is folded after the dump and lost with it; also where the round is at rest. */
async function moreEvents(sender: FaultWorld['sender'], random: SeededRandom): Promise<void> {
  await sender.probe();
  await sleep(below(random, KILL_GAP_MS_MAX));
}

/** Links of some processes to some servers go bad, then come back. */
const badLinks =
  (mode: 'slow' | 'dead' | 'cut', ms: number): Fault =>
  async (world, random) => {
    const victims = world.processes.filter(() => random.uniform() < 0.6);
    const links = (victims.length === 0 ? world.processes : victims).map(
      (one) => one.links[oneOf(random, restartableServers)],
    );
    for (const link of links) link.set(mode);
    await sleep(ms);
    for (const link of links) link.set('open');
  };

/** All connections to one server die without a word, as behind a router that was replaced; new ones would work. */
const forgetConnections =
  (server: RestartableServer): Fault =>
  async ({ processes }) => {
    for (const one of processes) one.links[server].forgetConnections();
  };

export const faults: Readonly<Record<string, Fault>> = {
  'ingest killed': killMembers('ingest'),
  'fold killed': killMembers('fold'),
  'ingest dies after frames are sent': dieAt('ingest', 'afterFramesSent'),
  'ingest dies after the log has committed': dieAt('ingest', 'afterLogCommitted'),
  'fold dies before states are written': dieAt('fold', 'beforeStatesWritten'),
  'fold dies after states are written': dieAt('fold', 'afterStatesWritten'),
  'rebuild dies half-way': dieInRebuild,
  'ingest hangs past its session': hang('ingest'),
  'fold hangs past its session': hang('fold'),
  'members join and leave': rebalance,
  'gateway killed': killGateway,
  'Kafka restarted': restartKafka(true),
  'Kafka killed': restartKafka(false),
  'Redis flushed': flushRedis,
  'Redis crashed, back from its dump': crashRedis,
  'Redis replaced by an older dump': restoreRedis,
  'PostgreSQL stopped immediately': stopPostgres,
  'links slow': badLinks('slow', LINK_MS),
  'links half-open': badLinks('dead', DEAD_LINK_MS),
  'links cut': badLinks('cut', LINK_MS),
  'connections to Kafka forgotten': forgetConnections('kafka'),
  'connections to PostgreSQL forgotten': forgetConnections('postgres'),
  'connections to Redis forgotten': forgetConnections('redis'),
};

/** Faults that a pipeline without traffic has to mend too; the others need events to happen at all. */
export const faultsAtRest: readonly string[] = [
  'ingest killed',
  'fold killed',
  'rebuild dies half-way',
  'Kafka killed',
  'Redis flushed',
  'Redis crashed, back from its dump',
  'Redis replaced by an older dump',
  'PostgreSQL stopped immediately',
];
