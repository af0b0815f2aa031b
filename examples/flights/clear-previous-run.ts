import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../cli/millrace.mjs', import.meta.url));

/** What a run leaves in its data directory: nothing else there is touched. */
const leftovers = [
  'temporal',
  'kafka',
  'postgres',
  'redis',
  'artifacts',
  'logs',
  'stack.json',
  'processes.json',
  'report.json',
  'report.html',
];

/** The year can be lived once only: servers of an earlier run are stopped and its data is removed. */
export async function clearPreviousRun(dataDir: string, say: (line: string) => void): Promise<void> {
  if (!existsSync(path.join(dataDir, 'stack.json'))) return;
  say(`Removing the servers and data of an earlier run in ${dataDir}`);
  const down = spawn(process.execPath, [cli, 'down', '--data-dir', dataDir], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = (await once(down, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`millrace down ended with exit code ${code}; the earlier run in '${dataDir}' is still there.`);
  await Promise.all(leftovers.map((name) => rm(path.join(dataDir, name), { recursive: true, force: true })));
}
