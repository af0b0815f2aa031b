/**
 * Feast and Millrace over the same 1,000,000 feature rows of 100,000 entities, 3 views and 20 features, in one run on one
 * machine: point-in-time join, materialize, bytes a key, online reads in process and over HTTP. `npm run bench:feast`; see bench/README.md.
 * Servers: MILLRACE_POSTGRES_URL (a scratch database is made), MILLRACE_REDIS_URL, MILLRACE_KAFKA_BROKERS.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { createLogger } from '../../src/infra/logger.ts';
import { createRedis, redisReady, type Redis } from '../../src/infra/redis.ts';
import type { SpineRow } from '../../src/store/as-of/as-of-mode.ts';
import { runTool } from '../../stack/run-tool.ts';
import { ROOT } from '../measure/bench-process.ts';
import { openLoadGenerator, type LoadGenerator } from '../measure/load-generator.ts';
import { columnsOf, VIEW_WIDTHS } from './feast-project.ts';
import { openFeastSide, type FeastSide } from './feast-side.ts';
import { AS_OF, customersOf, openDuckDb, ROWS, viewNames, writeFeatureRows } from './feature-rows.ts';
import { loadRows } from './load-rows.ts';
import { openMillraceSide } from './millrace-side.ts';
import { printComparison, type Comparison } from './print-comparison.ts';

/** A Redis database that is emptied before and after. */
const FEAST_REDIS_DB = 9;
const SIZES = [1, 10, 100] as const;
const HTTP_CONNECTIONS = 16;
const HTTP_SECONDS = 8;
const HTTP_BODIES = 500;
const SERVER_START_MS_MAX = 60_000;
const HISTORICAL_ROUNDS = 3;
const KEYS_SAMPLED = 1_000;
const READ_LIMIT_MS = 120_000;

type MillraceSide = Awaited<ReturnType<typeof openMillraceSide>>;
const say = (text: string): void => console.error(text);

async function main(): Promise<void> {
  const scratch = mkdtempSync(path.join(tmpdir(), 'millrace-feast-'));
  const folders = { repo: path.join(scratch, 'repo'), data: path.join(scratch, 'data') };
  for (const folder of Object.values(folders)) mkdirSync(folder);
  const millrace = await openMillraceSide();
  const feastRedisUrl = new URL(millrace.redisUrl);
  feastRedisUrl.pathname = `/${FEAST_REDIS_DB}`;
  const feastRedis = createRedis({ url: feastRedisUrl.href, role: 'write', logger: createLogger('bench', 'warn') });
  try {
    await redisReady(feastRedis);
    await feastRedis.flushdb();
    const feast = await openFeastSide(folders, `${feastRedisUrl.host},db=${FEAST_REDIS_DB}`);
    say(`writing ${ROWS} feature rows`);
    const duckDb = await openDuckDb();
    await writeFeatureRows(duckDb, folders.data);
    await loadRows(duckDb, folders.data, millrace.postgres);
    const comparisons = [
      ...(await compareHistorical(feast, millrace, duckDb, folders.data)),
      ...(await compareMaterialize(feast, millrace)),
      await compareBytes(feastRedis, millrace),
      ...(await compareOnline(feast, millrace)),
      ...(await compareHttp(feast, millrace)),
    ];
    printComparison(comparisons, `Feast ${feast.version}`, 'npm run bench:feast');
  } finally {
    await feastRedis.flushdb();
    await feastRedis.quit();
    await millrace.close();
    rmSync(scratch, { recursive: true });
  }
}

/** The best of some rounds each, as Feast's side does; the spine is in memory on both sides. */
async function compareHistorical(
  feast: FeastSide,
  millrace: MillraceSide,
  duckDb: DuckDBConnection,
  data: string,
): Promise<Comparison[]> {
  const theirs: Past[] = [];
  for (const store of ['duckdb', 'file']) {
    say(`point-in-time join: Feast, ${store} store`);
    theirs.push(await feast.ask<Past>('historical', store));
  }
  const [duckDbStore] = theirs as [Past];
  const spine = await readSpine(duckDb, data);
  const comparisons: Comparison[] = [];
  for (const [from, folder] of [['Parquet', data], ['PostgreSQL', null]] as const) {
    say(`point-in-time join: Millrace, from ${from}`);
    let seconds = Infinity;
    for (let round = 0; round < HISTORICAL_ROUNDS; round++) {
      const startedAt = performance.now();
      const sum = await millrace.readPast(spine, folder);
      seconds = Math.min(seconds, (performance.now() - startedAt) / 1_000);
      if (Math.abs(sum - duckDbStore.sum) > 1e-9 * sum) throw new Error(`the joins differ: ${sum} and ${duckDbStore.sum}`);
    }
    comparisons.push({
      what: `point-in-time join of ${spine.length} rows, from ${from}, beside its fastest local store`,
      unit: 's',
      millrace: seconds,
      feast: Math.min(...theirs.map((one) => one.seconds)),
      better: 'less',
    });
  }
  return comparisons;
}

interface Past {
  readonly seconds: number;
  readonly sum: number;
}

async function readSpine(duckDb: DuckDBConnection, data: string): Promise<SpineRow[]> {
  const file = path.join(data, 'spine.parquet').replaceAll("'", "''");
  const read = await duckDb.runAndReadAll(`SELECT customer, epoch_ms(event_timestamp)::DOUBLE FROM '${file}'`);
  return read.getRows().map(([customer, asOf]) => ({ row: { customer: customer as string }, asOf: asOf as number }));
}

async function compareMaterialize(feast: FeastSide, millrace: MillraceSide): Promise<Comparison[]> {
  say('materialize: Feast, from Parquet');
  const theirs = await feast.ask<{ seconds: number; rows: number }>('materialize');
  say('materialize: Millrace, from PostgreSQL');
  const startedAt = performance.now();
  await millrace.materialize();
  const seconds = (performance.now() - startedAt) / 1_000;
  return [
    { what: 'materialize', unit: 'rows/s', millrace: ROWS / seconds, feast: theirs.rows / theirs.seconds, better: 'more' },
  ];
}

/** Redis's own account of a sample of keys: value, key and overhead. Feast has one key an entity, Millrace one a view. */
async function compareBytes(feastRedis: Redis, millrace: MillraceSide): Promise<Comparison> {
  const ofEntity = async (redis: Redis, pattern: string, keysOfEntity: number): Promise<number> => {
    const { bytes, keys } = await sampleKeys(redis, pattern);
    return (bytes / keys) * keysOfEntity;
  };
  return {
    what: `Redis bytes an entity, ${viewNames.length} views`,
    unit: 'bytes',
    millrace: await ofEntity(millrace.redis, millrace.statePattern, viewNames.length),
    feast: await ofEntity(feastRedis, '*', 1),
    better: 'less',
  };
}

async function sampleKeys(redis: Redis, pattern: string): Promise<{ bytes: number; keys: number }> {
  let cursor = '0';
  let bytes = 0;
  let keys = 0;
  do {
    const [next, found] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', 1_000);
    cursor = next;
    for (const key of found.slice(0, KEYS_SAMPLED - keys)) {
      bytes += Number(await redis.memory('USAGE', key, 'SAMPLES', 0));
      keys += 1;
    }
  } while (cursor !== '0' && keys < KEYS_SAMPLED);
  return { bytes, keys };
}

async function compareOnline(feast: FeastSide, millrace: MillraceSide): Promise<Comparison[]> {
  say('online reads in process');
  const theirs = await feast.ask<Record<string, { p50: number; p99: number }>>('online');
  const read = await runBench('bench/feast/read-online.ts', [millrace.namespace], READ_LIMIT_MS);
  const ours = JSON.parse(read) as typeof theirs;
  const comparisons: Comparison[] = [];
  for (const size of SIZES) {
    for (const quantile of ['p50', 'p99'] as const) {
      comparisons.push({
        what: `online read in process, ${size} entities, ${quantile}`,
        unit: 'ms',
        millrace: ours[size]![quantile],
        feast: theirs[size]![quantile],
        better: 'less',
      });
    }
  }
  return comparisons;
}

async function compareHttp(feast: FeastSide, millrace: MillraceSide): Promise<Comparison[]> {
  const generator = await openLoadGenerator();
  const features = VIEW_WIDTHS.flatMap(([view]) => columnsOf(view).map((column) => `${view}:${column}`));
  const bodies = {
    millrace: (customers: string[]) => ({ views: viewNames, entities: customers.map((customer) => ({ customer })), asOf: AS_OF }),
    feast: (customers: string[]) => ({ features, entities: { customer: customers } }),
  };
  const loadOf = async (side: keyof typeof bodies, url: string): Promise<Map<number, { rate: number; p99: number }>> => {
    await answering(url, JSON.stringify(bodies[side](customersOf(0, 1))));
    const figures = new Map<number, { rate: number; p99: number }>();
    for (const size of SIZES) {
      const sent = Array.from({ length: HTTP_BODIES }, (_, i) => JSON.stringify(bodies[side](customersOf(i * size, size))));
      say(`online reads over HTTP: ${side}, ${size} entities`);
      figures.set(size, await load(generator, url, sent));
    }
    return figures;
  };
  const feastServer = await feast.startServing();
  const theirs = await loadOf('feast', feastServer.url).finally(() => feastServer.stop());
  const serving = await millrace.startServing();
  const ours = await loadOf('millrace', serving.url).finally(async () => {
    serving.child.kill('SIGTERM');
    await serving.ended;
  });
  generator.close();
  return SIZES.flatMap((size): Comparison[] => {
    const what = `online read over HTTP, ${size} entities, ${HTTP_CONNECTIONS} connections`;
    const [a, b] = [ours.get(size)!, theirs.get(size)!];
    return [
      { what, unit: 'requests/s', millrace: a.rate, feast: b.rate, better: 'more' },
      { what: `${what}, p99`, unit: 'ms', millrace: a.p99, feast: b.p99, better: 'less' },
    ];
  });
}

async function answering(url: string, body: string): Promise<void> {
  const giveUpAt = performance.now() + SERVER_START_MS_MAX;
  for (;;) {
    const answer = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body }).catch(() => null);
    if (answer?.ok === true) return;
    if (performance.now() > giveUpAt) throw new Error(`${url} did not answer: ${answer === null ? 'no connection' : `${answer.status} ${await answer.text()}`}`);
    await sleep(200);
  }
}

async function load(generator: LoadGenerator, url: string, bodies: readonly string[]): Promise<{ rate: number; p99: number }> {
  const loop = { kind: 'closed', connections: HTTP_CONNECTIONS } as const;
  const { rate, ms } = await generator.loadAllAnswered({ url, bodies, loop, seconds: HTTP_SECONDS });
  return { rate, p99: ms.p99 };
}

/** Runs a TypeScript file of the repository to its end; answers what it printed. */
const runBench = (file: string, args: readonly string[], timeoutMs: number): Promise<string> =>
  runTool({
    program: process.execPath,
    args: ['--import', 'tsx', path.join(ROOT, file), ...args],
    environment: process.env,
    signal: new AbortController().signal,
    timeoutMs,
  });

await main();
