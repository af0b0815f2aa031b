import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Source } from '../../../src/define/source.ts';
import { loadColdLogConfig } from '../../../src/infra/cold-log-config.ts';
import type { Postgres } from '../../../src/infra/postgres.ts';
import { createColdLog, withColdLog, type ColdLog, type LogDatabase } from '../../../src/store/cold-log/cold-log.ts';
import type { ColdManifest } from '../../../src/store/cold-log/cold-files.ts';
import { exportNextFile, type ExportOptions } from '../../../src/store/cold-log/export-log.ts';
import type { PruneReaders } from '../../../src/store/cold-log/prune-horizon.ts';
import { pruneNextFile, type PruneOptions } from '../../../src/store/cold-log/prune-log.ts';
import { advanceIngestPositions, createIngestPositions } from '../../../src/store/ingest-positions.ts';
import { createLogTableSql } from '../../../src/store/log-table.ts';
import { appendEvents, type LoggedEvent } from '../../../src/store/offline-log.ts';
import { openRegistryStage, type RegistryStage } from '../registry-stage.ts';

export interface ColdStage {
  readonly stage: RegistryStage;
  readonly coldLog: ColdLog;
  readonly db: LogDatabase;
  close(): Promise<void>;
}

/** A migrated database and a cold log of its own beside it. */
export async function openColdStage(): Promise<ColdStage> {
  const stage = await openRegistryStage();
  const beside = await coldLogBeside(stage.postgres);
  return {
    ...beside,
    stage,
    async close() {
      await beside.close();
      await stage.close();
    },
  };
}

/** A cold log of its own for a database that is there. */
export async function coldLogBeside(postgres: Postgres): Promise<Omit<ColdStage, 'stage'>> {
  const directory = await mkdtemp(path.join(tmpdir(), 'millrace-cold-'));
  const coldLog = createColdLog(loadColdLogConfig({ MILLRACE_DATA_DIR: directory }));
  return {
    coldLog,
    db: withColdLog(postgres, coldLog),
    async close() {
      coldLog.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export async function createLog(db: LogDatabase, source: Source): Promise<void> {
  for (const statement of createLogTableSql(source)) await db.query(statement);
  await createIngestPositions(
    db,
    Array.from({ length: source.partitions }, (_, partition) => ({ source: source.name, partition, nextOffset: 0 })),
  );
}

/** Stores events as ingest does: rows and positions in one transaction. */
export async function ingest(db: LogDatabase, source: Source, events: readonly LoggedEvent[]): Promise<void> {
  await db.transaction(async (tx) => {
    await appendEvents(tx, source, events);
    for (const partition of new Set(events.map((event) => event.sourcePartition))) {
      const own = events.filter((event) => event.sourcePartition === partition);
      const [before] = await tx.query<{ next: number }>(
        'SELECT next_offset::float8 AS next FROM millrace.ingest_positions WHERE source = $1 AND partition = $2',
        [source.name, partition],
      );
      await advanceIngestPositions(tx, [
        {
          source: source.name,
          partition,
          expectedOffset: before?.next ?? 0,
          nextOffset: Math.max(...own.map((event) => event.sourceOffset)) + 1,
          stored: own.length,
          duplicates: 0,
          deadLetters: 0,
          beyondWindows: 0,
          newestKnownTime: Math.max(...own.map((event) => event.knownTime)),
        },
      ]);
    }
  });
}

const exporting: ExportOptions = { delayMs: 0, fileRowsMax: 500_000, clock: Date.now };

/** Exports until no day is closed. */
export async function exportAll(db: LogDatabase, source: Source, options: Partial<ExportOptions> = {}): Promise<ColdManifest[]> {
  const files: ColdManifest[] = [];
  for (;;) {
    const file = await exportNextFile(db, source, { ...exporting, ...options });
    if (file === null) return files;
    files.push(file);
  }
}

/** Prunes so many files at most. */
export async function prune(
  db: LogDatabase,
  source: Source,
  { filesMax = Infinity, models = [], sources = [], ...options }: Partial<PruneOptions & PruneReaders> & { filesMax?: number } = {},
): Promise<number> {
  for (let files = 0; ; files++) {
    if (files >= filesMax) return files;
    if ((await pruneNextFile(db, source, { keepMs: 0, clock: Date.now, readers: { models, sources }, ...options })) === null) return files;
  }
}
