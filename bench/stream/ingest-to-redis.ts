/**
 * The event path on the real servers that the environment names: flights of 2013 from Kafka to Redis. Three
 * figures: events a second as fast as they go; freshness at a given rate; the round trip of single steps. With
 * `--training-set` it then times the training set of what was replayed.
 *
 *     node bench/stream/ingest-to-redis.ts [--months 1] [--rate 5000] [--seconds 20] [--only sustained,paced,lockstep] [--training-set]
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { readFlightEvents } from '../../examples/flights/flight-events.ts';
import project from '../../examples/flights/project.ts';
import { createNames } from '../../src/contracts/names.ts';
import { loadBaseConfig } from '../../src/infra/base-config.ts';
import { createKafka } from '../../src/infra/kafka.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { createRedis } from '../../src/infra/redis.ts';
import { applyProject } from '../../src/store/apply-project.ts';
import { buildTrainingSet } from '../../src/store/build-training-set.ts';
import { createOnlineStore, type SourceOffset } from '../../src/store/online-store.ts';
import { programsOf } from '../../src/store/project-definitions.ts';
import { createReplayer, type ReplayEvent } from '../../src/stream/replayer.ts';
import { quantile } from '../measure/quantile.ts';
import { runHeading } from '../measure/run-heading.ts';
import { openScratchDatabase } from '../measure/scratch-database.ts';

const { values: options } = parseArgs({
  options: {
    months: { type: 'string', default: '1' },
    rate: { type: 'string', default: '5000' },
    seconds: { type: 'string', default: '20' },
    only: { type: 'string', default: 'sustained,paced,lockstep' },
    'training-set': { type: 'boolean', default: false },
  },
});
const CHUNK_EVENTS = 2_000;
const STEPS = 500;
const STEP_EVENTS = 30;
const VISIBLE_TIMEOUT_MS = 600_000;

const namespace = `bench${randomBytes(4).toString('hex')}`;
const logger = createLogger('bench', 'warn');
const base = loadBaseConfig({ ...processEnvironment(), MILLRACE_PROJECT: 'bench' });
const database = await openScratchDatabase('ingest', { statementTimeoutMs: VISIBLE_TIMEOUT_MS });
const { postgres } = database;
const names = createNames(namespace);
const kafka = createKafka({ brokers: base.kafkaBrokers, clientId: 'bench', logger });
const redis = createRedis({ url: base.redisUrl, role: 'write', logger });
const store = createOnlineStore(redis, names);
const programs = programsOf(project);
await applyProject(project, {
  postgres,
  kafka,
  names,
  store,
  clock: Date.now,
  registerModel: async () => undefined,
});
const replayer = await createReplayer(kafka, names, project);
const child = fork(path.join(import.meta.dirname, 'stream-process.ts'), {
  env: {
    ...processEnvironment(),
    MILLRACE_NAMESPACE: namespace,
    MILLRACE_POSTGRES_URL: database.url,
    MILLRACE_PROJECT: 'bench',
  },
});
await once(child, 'message');

const usage = async (): Promise<{ cpuMs: number; rssBytes: number }> => {
  child.send('usage');
  const [answer] = (await once(child, 'message')) as [{ cpuMs: number; rssBytes: number }];
  return answer;
};
const visible = (offsets: readonly SourceOffset[]): Promise<void> =>
  store.waitVisible(programs, offsets, VISIBLE_TIMEOUT_MS);

async function* chunks(events: AsyncIterable<ReplayEvent>, size: number): AsyncGenerator<ReplayEvent[]> {
  let chunk: ReplayEvent[] = [];
  for await (const event of events) {
    chunk.push(event);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

async function sustained(lastMonth: number): Promise<void> {
  const before = await usage();
  const start = performance.now();
  const last = new Map<string, SourceOffset>();
  let sent = 0;
  for await (const chunk of chunks(readFlightEvents({ fromMonth: 1, toMonth: lastMonth }), CHUNK_EVENTS)) {
    for (const offset of await replayer.send(chunk))
      last.set(`${offset.sourceName}/${offset.partition}`, offset);
    sent += chunk.length;
  }
  const sentMs = performance.now() - start;
  await visible([...last.values()]);
  const tookMs = performance.now() - start;
  const after = await usage();
  const perThousand = ((after.cpuMs - before.cpuMs) / sent) * 1_000;
  console.log(
    `sustained: ${sent} events visible in ${(tookMs / 1_000).toFixed(1)} s = ${Math.round((sent / tookMs) * 1_000)} events/s (sent in ${(sentMs / 1_000).toFixed(1)} s)`,
  );
  console.log(
    `  consumers: ${perThousand.toFixed(1)} ms of CPU per 1000 events, ${Math.round(after.rssBytes / 1_048_576)} MiB`,
  );
}

async function paced(month: number, rate: number, seconds: number): Promise<void> {
  const tick = 50;
  const perTick = Math.max(1, Math.round((rate * tick) / 1_000));
  const took: number[] = [];
  const waits: Promise<void>[] = [];
  let start = 0;
  let ticks = 0;
  for await (const chunk of chunks(readFlightEvents({ fromMonth: month, toMonth: month }), perTick)) {
    // Opening the tables took its time: the clock starts with the first event.
    if (ticks === 0) start = performance.now();
    const due = start + ticks++ * tick;
    if (performance.now() < due) await sleep(due - performance.now());
    if (performance.now() - start > seconds * 1_000) break;
    const sentAt = performance.now();
    waits.push(
      replayer
        .send(chunk)
        .then(visible)
        .then(() => void took.push(performance.now() - sentAt)),
    );
  }
  await Promise.all(waits);
  const actual = (took.length * perTick) / ((performance.now() - start) / 1_000);
  console.log(
    `paced: ${Math.round(actual)} events/s of ${rate} asked; send to visible p50 ${quantile(took, 0.5).toFixed(0)} ms, p99 ${quantile(took, 0.99).toFixed(0)} ms`,
  );
}

async function lockstep(month: number): Promise<void> {
  const took: number[] = [];
  const before = await usage();
  for await (const chunk of chunks(readFlightEvents({ fromMonth: month, toMonth: month }), STEP_EVENTS)) {
    const start = performance.now();
    await visible(await replayer.send(chunk));
    took.push(performance.now() - start);
    if (took.length === STEPS) break;
  }
  const cpuMs = ((await usage()).cpuMs - before.cpuMs) / took.length;
  console.log(
    `lockstep: ${STEP_EVENTS} events, send to visible p50 ${quantile(took, 0.5).toFixed(1)} ms, p99 ${quantile(took, 0.99).toFixed(1)} ms; consumers ${cpuMs.toFixed(1)} ms of CPU a step`,
  );
}

const lastMonth = Number(options.months);
console.log(runHeading(`npx tsx bench/stream/ingest-to-redis.ts ${process.argv.slice(2).join(' ')}`.trimEnd()));
try {
  const phases = options.only.split(',');
  if (phases.includes('sustained')) await sustained(lastMonth);
  // Later months, so that no event is a duplicate of an earlier phase.
  if (phases.includes('paced'))
    await paced(Math.min(12, lastMonth + 1), Number(options.rate), Number(options.seconds));
  if (phases.includes('lockstep')) await lockstep(Math.min(12, lastMonth + 2));
  if (options['training-set']) {
    const model = project.models[0];
    if (model === undefined) throw new Error('the project has a model');
    const start = performance.now();
    const cpu = process.cpuUsage();
    const { trainingSet } = await buildTrainingSet(
      {
        postgres,
        onProgress: (stage, ms, rows) => console.log(`  ${stage}: ${Math.round(ms)} ms, ${rows} rows`),
      },
      { model, dataCut: null },
    );
    console.log(
      `training set: ${trainingSet.rows} rows of ${trainingSet.numericNames.length} numbers, ${(process.cpuUsage(cpu).user / 1_000_000).toFixed(1)} s of CPU, in ${((performance.now() - start) / 1_000).toFixed(1)} s, ${Math.round(process.memoryUsage().rss / 1_048_576)} MiB`,
    );
  }
} finally {
  child.send('stop');
  await once(child, 'exit');
  await replayer.close();
  const topics = [
    ...project.sources.flatMap((s) => [names.sourceTopic(s.name), names.deadLetterTopic(s.name)]),
    ...programs.map((p) => names.viewTopic(p.name, p.version)),
    names.decisionTopic(),
  ];
  await kafka.deleteTopics(topics).catch(() => undefined);
  const keys = await redis.keys(`${namespace}:*`);
  for (let from = 0; from < keys.length; from += CHUNK_EVENTS)
    await redis.del(keys.slice(from, from + CHUNK_EVENTS));
  redis.disconnect();
  await kafka.close();
  await database.close();
}
