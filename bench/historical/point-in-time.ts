/**
 * A point-in-time join: 50,000 spine rows, 3 views, 20 features, 1,000,000 rows of events of 100,000 entities. Ours from
 * Parquet and from Postgres, newest values and windowed aggregations, beside a bare ASOF JOIN of DuckDB over the same
 * Parquet files, round by round in one run. Every newest value is checked against the join's. Prints the machine, the commit
 * and the command beside the figures.
 *   MILLRACE_POSTGRES_URL=postgresql://... npx tsx bench/historical/point-in-time.ts [rounds]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { assertInvariant } from '../../src/core/assert-invariant.ts';
import type { FeatureView } from '../../src/define/feature-view.ts';
import type { Schema } from '../../src/define/field.ts';
import { compileView } from '../../src/fold/compile-view.ts';
import { duckdbText, openDuckdbColumns, type DuckdbColumns } from '../../src/infra/duckdb-columns.ts';
import type { Postgres } from '../../src/infra/postgres.ts';
import type { EventReader } from '../../src/store/as-of/event-reader.ts';
import { parquetEvents } from '../../src/store/as-of/parquet-events.ts';
import { postgresEvents } from '../../src/store/as-of/postgres-events.ts';
import type { SpineRow } from '../../src/store/as-of/as-of-mode.ts';
import { readViews } from '../../src/store/as-of/read-as-of.ts';
import { createLogTableSql } from '../../src/store/log-table.ts';
import { appendEvents, type LoggedEvent } from '../../src/store/offline-log.ts';
import { median } from '../measure/quantile.ts';
import { runHeading } from '../measure/run-heading.ts';
import { openScratchDatabase } from '../measure/scratch-database.ts';
import { eventFile, latestViews, sources, spineFile, SPINE_ROWS, windowedViews, writeFiles } from './point-in-time-data.ts';

const THREADS = os.availableParallelism();
const MEMORY_MB = 2_048;
const ROUNDS_DEFAULT = 5;
/** Events of one COPY into Postgres. */
const LOAD_ROWS = 50_000;

async function readSpineRows(duckdb: DuckdbColumns, directory: string): Promise<SpineRow[]> {
  const rows: SpineRow[] = [];
  const query = `SELECT card, epoch_ms("asOf")::DOUBLE FROM ${duckdbText(spineFile(directory))} ORDER BY spine_row`;
  await duckdb.stream(query, (count, [cards, times]) => {
    for (let i = 0; i < count; i++) rows.push({ row: { card: cards![i] as string }, asOf: times![i] as number });
    return true;
  });
  return rows;
}

/** Puts the events of the files into the offline log, known when they happened. */
async function fillLog(postgres: Postgres, duckdb: DuckdbColumns, directory: string): Promise<void> {
  for (const [s, source] of sources.entries()) {
    for (const statement of createLogTableSql(source)) await postgres.query(statement);
    const numbers = Object.keys(source.schema).filter((name) => (source.schema as Schema)[name]?.type === 'number');
    let events: LoggedEvent[] = [];
    let offset = 0;
    const batches: LoggedEvent[][] = [];
    const query = `SELECT id, card, epoch_ms("at")::DOUBLE, ${numbers.join(', ')} FROM ${duckdbText(eventFile(directory, s))}`;
    await duckdb.stream(query, (count, [ids, cards, times, ...values]) => {
      for (let i = 0; i < count; i++) {
        const at = times![i] as number;
        const row = {
          id: ids![i] as string,
          card: cards![i] as string,
          at,
          ...Object.fromEntries(numbers.map((name, v) => [name, values[v]![i] as number])),
        };
        events.push({ sourcePartition: 0, sourceOffset: offset++, eventTime: at, effectiveTime: at, knownTime: at, row });
      }
      if (events.length >= LOAD_ROWS) batches.push(events.splice(0));
      return true;
    });
    events = [...events];
    for (const batch of [...batches, events]) await appendEvents(postgres, source, batch);
    await postgres.query(`ANALYZE log.${source.name}`);
  }
}

/** The same values by a bare join, row after row: those of a row side by side. */
async function joinAsOf(duckdb: DuckdbColumns, directory: string): Promise<Float64Array> {
  const names = latestViews.map((view) => Object.keys(view.features));
  const width = names.reduce((sum, list) => sum + list.length, 0);
  const columns = names.flatMap((list, s) => list.map((name) => `coalesce(e${s}.${name}, 'NaN'::DOUBLE)`));
  const joins = sources.map((_, s) => `ASOF LEFT JOIN ${duckdbText(eventFile(directory, s))} e${s} ON s.card = e${s}.card AND s."asOf" >= e${s}."at"`);
  const found = new Float64Array(SPINE_ROWS * width);
  const query = `SELECT s.spine_row::DOUBLE, ${columns.join(', ')} FROM ${duckdbText(spineFile(directory))} s ${joins.join(' ')}`;
  await duckdb.stream(query, (count, [rows, ...values]) => {
    for (let i = 0; i < count; i++) {
      const at = (rows![i] as number) * width;
      for (let v = 0; v < width; v++) found[at + v] = values[v]![i] as number;
    }
    return true;
  });
  return found;
}

async function readOurs(events: EventReader, views: readonly FeatureView[], spine: readonly SpineRow[]): Promise<Float64Array> {
  const programs = views.map(compileView);
  const reads = await readViews(events, programs, spine, { mode: 'known', dataCut: Number.MAX_SAFE_INTEGER });
  const width = programs.reduce((sum, { featureNames }) => sum + featureNames.length, 0);
  const found = new Float64Array(spine.length * width);
  let from = 0;
  for (const [v, { featureNames }] of programs.entries()) {
    const { values } = reads[v]!;
    for (let row = 0; row < spine.length; row++)
      for (let f = 0; f < featureNames.length; f++) found[row * width + from + f] = values[row * featureNames.length + f]!;
    from += featureNames.length;
  }
  return found;
}

const sameBits = (a: Float64Array, b: Float64Array): boolean => a.length === b.length && a.every((value, i) => Object.is(value, b[i]));

async function run(rounds: number, directory: string, postgres: Postgres): Promise<void> {
  const duckdb = await openDuckdbColumns({ threads: THREADS, memoryMb: MEMORY_MB, spillTo: directory });
  await writeFiles(duckdb, directory);
  await fillLog(postgres, duckdb, directory);
  const spine = await readSpineRows(duckdb, directory);
  const files = Object.fromEntries(sources.map((source, s) => [source.name, eventFile(directory, s)]));
  const parquet = parquetEvents(files, { threads: THREADS, memoryMb: MEMORY_MB, spillTo: directory });
  const log = postgresEvents(postgres);
  const contestants: Readonly<Record<string, () => Promise<Float64Array>>> = {
    'DuckDB ASOF JOIN, Parquet': () => joinAsOf(duckdb, directory),
    'newest values, Parquet': () => readOurs(parquet, latestViews, spine),
    'newest values, Postgres': () => readOurs(log, latestViews, spine),
    'windowed, Parquet': () => readOurs(parquet, windowedViews, spine),
    'windowed, Postgres': () => readOurs(log, windowedViews, spine),
  };
  const times: Record<string, number[]> = {};
  const answers: Record<string, Float64Array> = {};
  // The first round warms up and is checked, not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const [name, read] of Object.entries(contestants)) {
      const before = performance.now();
      answers[name] = await read();
      if (round > 0) (times[name] ??= []).push(performance.now() - before);
    }
  }
  const [joined, latest, latestLog, windowed, windowedLog] = Object.values(answers);
  assertInvariant(sameBits(latest!, joined!), "newest values are the bare join's");
  assertInvariant(sameBits(latestLog!, joined!), "newest values from Postgres are the bare join's");
  assertInvariant(sameBits(windowed!, windowedLog!), 'windowed values from Parquet are those from Postgres');
  const nulls = joined!.reduce((sum, value) => sum + (Number.isNaN(value) ? 1 : 0), 0);
  console.log(`${joined!.length} newest values checked, ${nulls} of them null`);
  const floor = median(times['DuckDB ASOF JOIN, Parquet']!);
  for (const [name, found] of Object.entries(times)) {
    const [least, most] = [Math.min(...found), Math.max(...found)];
    console.log(`${name.padEnd(28)} ${median(found).toFixed(0).padStart(6)} ms  (${least.toFixed(0)} to ${most.toFixed(0)})  ${(median(found) / floor).toFixed(2)} x`);
  }
  await parquet.close();
  duckdb.close();
}

const rounds = Number(process.argv[2] ?? ROUNDS_DEFAULT);
const directory = mkdtempSync(path.join(os.tmpdir(), 'millrace-bench-'));
const database = await openScratchDatabase('historical');
try {
  console.log(runHeading(`npx tsx bench/historical/point-in-time.ts ${rounds}`));
  await run(rounds, directory, database.postgres);
} finally {
  await database.close();
  rmSync(directory, { recursive: true });
}
