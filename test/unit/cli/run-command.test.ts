import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { runCommand } from '../../../cli/main.ts';
import { parseApiKeys } from '../../../src/infra/access/api-keys.ts';
import type { createApiKey } from '../../../src/infra/api-key.ts';

const dataDir = mkdtempSync(path.join(os.tmpdir(), 'millrace-cli-'));
afterAll(() => rmSync(dataDir, { recursive: true }));

async function run(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const exitCode = await runCommand({
    argv: [...argv, '--data-dir', dataDir],
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    signal: new AbortController().signal,
  });
  return { exitCode, stdout: out.join(''), stderr: err.join('') };
}

const commands = [
  'up',
  'down',
  'plan',
  'apply',
  'views',
  'start',
  'run',
  'keys',
  'replay',
  'materialize',
  'features',
  'dead-letters',
  'train',
  'promote',
  'rollback',
  'pause',
  'resume',
  'approve',
  'predict',
  'status',
  'models',
  'ledger',
  'audit',
];

test('the help lists every command and the exit codes, on standard output', async () => {
  const { exitCode, stdout, stderr } = await run('--help');
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  for (const command of commands) expect(stdout).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
  expect(stdout).toContain('Exit codes:');
  expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

test.each(commands)('%s has a help with an example, on 80 columns', async (command) => {
  const { exitCode, stdout } = await run(command, '--help');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/Examples?:\n {2}\$ /);
  const prose = stdout.slice(0, stdout.indexOf('\nExample'));
  expect(prose.split('\n').filter((line) => line.length > 80)).toEqual([]);
});

test.each([
  [['nonsense'], "unknown command 'nonsense'"],
  [['up', '--nonsense'], "unknown option '--nonsense'"],
  [['promote', 'm', 'x'], 'Expected a whole number from 1'],
  [['promote', 'm'], "missing required argument 'version'"],
  [['run', 'kafka'], 'Allowed choices are orchestration, stream, training, serving, gateway'],
  [['train', 'm', '--as-of', 'yesterday'], 'Expected a time such as'],
  [['train', 'm', '--timeout', 'long'], 'Expected a duration such as'],
  [['replay', 'f', '--speed', '-1'], 'Expected a number above 0'],
  [['features', 'sql', 'v', '--fence', '3'], 'Expected partition=offset'],
  [['keys', 'create', '--name', 'a', '--roles', 'cook'], 'Allowed choices are predict, ingest, operate, admin'],
  [['client', 'generate', '--out', './nodir/x/c.ts'], `found no such '${path.resolve('nodir/x')}'. Make it`],
  [['keys', 'create', '--name', 'a'], "required option '--roles <roles...>' not specified"],
])('%j is a usage error with exit code 2, told on standard error', async (argv, message) => {
  const { exitCode, stdout, stderr } = await run(...argv);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(/^error: .*\(CONFIG_INVALID\)\n$/);
  expect(stderr).toContain(message);
});

test('an error has its code and no stack trace, unless --verbose', async () => {
  const argv = ['materialize', 'a_view', '--project', path.join(dataDir, 'none.ts')];
  const quiet = await run(...argv);
  expect(quiet.exitCode).toBe(2);
  expect(quiet.stderr).toMatch(/^error: Project file .* \(PROJECT_NOT_LOADED\)\n$/);
  const verbose = await run(...argv, '--verbose');
  expect(verbose.stderr).toMatch(/\n\s+at /);
  expect(verbose.stderr).toContain('caused by:');
});

test('with --json a failure is one JSON document on standard output', async () => {
  const { exitCode, stdout } = await run('predict', 'm', 'carrier', '--json');
  expect(exitCode).toBe(2);
  expect(JSON.parse(stdout)).toEqual({
    error: expect.stringContaining('no key=value pair') as string,
    code: 'REQUEST_INVALID',
  });
});

test('a process that does not answer is away, not a failure', async () => {
  const { exitCode, stderr } = await run('predict', 'm', 'a=1', '--url', 'http://127.0.0.1:9');
  expect(exitCode).toBe(3);
  expect(stderr).toContain('(PROCESS_UNREACHABLE)');
});

test('down of a data directory without servers says so', async () => {
  const { exitCode, stdout } = await run('down', '--json');
  expect({ exitCode, document: JSON.parse(stdout) as unknown }).toEqual({
    exitCode: 0,
    document: { stopped: [] },
  });
});

test('a file of events that is not there is told before anything is connected to', async () => {
  const { exitCode, stderr } = await run('replay', path.join(dataDir, 'none.ndjson'));
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^error: Event file .* can't be read: ENOENT.*\(STREAM_REPLAY_INVALID\)\n$/);
});

test('keys create prints a key and the line of the file that it is found by', async () => {
  const argv = ['keys', 'create', '--name', 'shop', '--roles', 'predict', 'operate'];
  const { exitCode, stdout } = await run(...argv);
  const [key = '', , , line = ''] = stdout.split('\n');
  expect({ exitCode, entry: JSON.parse(line) as unknown }).toMatchObject({ exitCode: 0, entry: { name: 'shop', roles: ['predict', 'operate'] } });
  expect(parseApiKeys(`{ "keys": [ ${line} ] }`, 'x').find(key)?.roles).toEqual(new Set(['predict', 'operate']));
  const document = JSON.parse((await run(...argv, '--json')).stdout) as ReturnType<typeof createApiKey>;
  expect(parseApiKeys(JSON.stringify({ keys: [document.entry] }), 'x').find(document.key)).toBeDefined();
  expect(await run('keys', 'create', '--name', 'no name', '--roles', 'predict')).toMatchObject({ exitCode: 2, stdout: '' });
});
