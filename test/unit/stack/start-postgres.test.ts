import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startPostgres } from '../../../stack/start-postgres.ts';

/** No programs of it run anywhere any more. */
const ANCIENT_MAJOR = '6';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'millrace-postgres-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('refuses a data directory of a version without programs: STACK_DATA_INCOMPATIBLE', async () => {
  const data = join(folder, 'postgres', 'data');
  await mkdir(data, { recursive: true });
  await writeFile(join(data, 'PG_VERSION'), `${ANCIENT_MAJOR}\n`);
  const ways: string[] = [];
  const starting = startPostgres({
    dataDir: folder,
    cacheDir: join(folder, 'cache'),
    // Without programs on the path nothing can be fetched either.
    environment: { PATH: join(folder, 'nothing') },
    signal: new AbortController().signal,
    rememberedPorts: {},
    report: () => undefined,
    noteFailure: (way) => ways.push(way),
    onSpawn: () => Promise.reject(new Error('it was started')),
  });
  await expect(starting).rejects.toMatchObject({
    code: 'STACK_DATA_INCOMPATIBLE',
    message: expect.stringContaining(`'${data}' was written by PostgreSQL ${ANCIENT_MAJOR}`) as unknown,
  });
  expect(ways).toHaveLength(2);
});
