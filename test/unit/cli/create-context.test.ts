import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readGlobalOptions } from '../../../cli/create-context.ts';
import { writeProcesses } from '../../../workers/process-state.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'millrace-context-'));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true });
});

const running = (project: string | null) =>
  writeProcesses(dataDir, {
    supervisorPid: 1,
    startedAt: 0,
    project,
    gatewayPort: 1,
    servingPort: 2,
    consolePort: 3,
    processes: [],
  });

it('takes the project that the processes of the data directory run, where none is named', async () => {
  await running('/somewhere/flights.ts');
  expect(readGlobalOptions({ dataDir }).project).toBe('/somewhere/flights.ts');
  expect(readGlobalOptions({ dataDir, project: 'mine.ts' }).project).toBe(path.resolve('mine.ts'));
});

it('falls back on the usual name where nothing runs or what is remembered can not be read', async () => {
  const usual = path.resolve('millrace.project.ts');
  expect(readGlobalOptions({ dataDir }).project).toBe(usual);
  await running(null);
  expect(readGlobalOptions({ dataDir }).project).toBe(usual);
  writeFileSync(path.join(dataDir, 'processes.json'), 'torn');
  expect(readGlobalOptions({ dataDir }).project).toBe(usual);
});
