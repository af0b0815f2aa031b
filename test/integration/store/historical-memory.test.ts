import { execFile } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLogger } from '../../../src/infra/logger.ts';
import { migrate } from '../../../src/infra/migrate.ts';
import { createPostgres } from '../../../src/infra/postgres.ts';
import { createLogTableSql } from '../../../src/store/log-table.ts';
import { appendEvents } from '../../../src/store/offline-log.ts';
import { departures } from '../../support/serving/tiny-project.ts';
import { events, spine } from '../../support/store/as-of-history.ts';
import { createTestDatabase, type TestDatabase } from '../../support/test-stack.ts';

const MEBIBYTE = 1_048_576;
const FEW_ROWS = 25_000;
const MANY_ROWS = 250_000;
/** Of the chunks: a hundredth of what the rows would take at once. */
const MEMORY_BYTES = 4 * MEBIBYTE;
/** V8 ends a process whose objects need more: modules alone take some 50. */
const HEAP_MB = 110;
/** How much more the large spine may take than the small one; its file alone is larger. */
const GROWTH_BYTES_MAX = 80 * MEBIBYTE;
const TIMEOUT_MS = 180_000;

let database: TestDatabase;
const directory = mkdtempSync(path.join(os.tmpdir(), 'millrace-memory-'));
const file = (name: string): string => path.join(directory, name);

async function writeSpine(name: string, rows: number): Promise<void> {
  function* lines(): Generator<string> {
    // A text that the rows carry along: a file of a few hundred bytes a row.
    const note = 'n'.repeat(400);
    for (let i = 0; i < rows; i++) yield `${JSON.stringify({ ...spine[i % spine.length], id: `r${i}`, note })}\n`;
  }
  await pipeline(Readable.from(lines()), createWriteStream(file(name)));
}

beforeAll(async () => {
  database = await createTestDatabase();
  const postgres = createPostgres({ url: database.url, applicationName: 'test', logger: createLogger('test', 'silent') });
  await migrate(postgres, fileURLToPath(new URL('../../../migrations', import.meta.url)));
  for (const statement of createLogTableSql(departures)) await postgres.query(statement);
  await appendEvents(postgres, departures, events);
  await postgres.close();
  await writeSpine('few.ndjson', FEW_ROWS);
  await writeSpine('many.ndjson', MANY_ROWS);
}, TIMEOUT_MS);
afterAll(async () => {
  await database.drop();
  rmSync(directory, { recursive: true });
});

async function measure(name: string): Promise<{ rows: number; peakBytes: number }> {
  const request = {
    postgresUrl: database.url,
    views: ['origin_departures', 'carrier_departures'],
    spine: file(name),
    out: file(`out-${name}`),
    mode: 'known',
    memoryBytes: MEMORY_BYTES,
  };
  const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  const entry = fileURLToPath(new URL('../../support/store/measure-read.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [`--max-old-space-size=${HEAP_MB}`, '--import', loader, entry, JSON.stringify(request)]);
  return JSON.parse(stdout) as { rows: number; peakBytes: number };
}

test('the memory of a read does not grow with its spine', { timeout: TIMEOUT_MS }, async () => {
  const few = await measure('few.ndjson');
  const many = await measure('many.ndjson');
  expect([few.rows, many.rows]).toEqual([FEW_ROWS, MANY_ROWS]);
  expect(statSync(file('many.ndjson')).size).toBeGreaterThan(GROWTH_BYTES_MAX);
  expect(many.peakBytes - few.peakBytes).toBeLessThan(GROWTH_BYTES_MAX);
});
