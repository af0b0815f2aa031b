import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { stackEnvironment } from '../../../stack/stack-environment.ts';
import {
  emptyStackFile,
  readStackState,
  writeStackFile,
  type ServerState,
} from '../../../stack/stack-state.ts';

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-state-'));
});
afterEach(() => rm(dataDir, { recursive: true }));

const server = (address: string, ports: Record<string, number> = {}): ServerState => ({
  origin: 'process',
  address,
  ports,
  startedAt: new Date(0).toISOString(),
});
const servers = {
  temporal: server('127.0.0.1:1', { main: 1, ui: 2 }),
  kafka: server('127.0.0.1:3'),
  postgres: server('postgresql://a:b@127.0.0.1:4/c'),
  redis: server('redis://127.0.0.1:5'),
};

it('is nothing before the first start and after a stop', async () => {
  expect(readStackState(dataDir)).toBeUndefined();
  await writeStackFile(dataDir, { ...emptyStackFile('millrace'), phase: 'stopped', servers });
  expect(readStackState(dataDir)).toBeUndefined();
});

it('gives the addresses that other processes need', async () => {
  await writeStackFile(dataDir, { ...emptyStackFile('space'), phase: 'running', servers });
  const state = readStackState(dataDir);
  expect(state === undefined ? undefined : stackEnvironment(state)).toEqual({
    MILLRACE_TEMPORAL_ADDRESS: '127.0.0.1:1',
    MILLRACE_TEMPORAL_NAMESPACE: 'space',
    MILLRACE_TEMPORAL_UI_URL: 'http://127.0.0.1:2',
    MILLRACE_KAFKA_BROKERS: '127.0.0.1:3',
    MILLRACE_POSTGRES_URL: 'postgresql://a:b@127.0.0.1:4/c',
    MILLRACE_REDIS_URL: 'redis://127.0.0.1:5',
  });
});

it('is readable by its owner only, since it holds a password', async () => {
  await writeStackFile(dataDir, { ...emptyStackFile('millrace'), phase: 'running', servers });
  expect((await stat(join(dataDir, 'stack.json'))).mode & 0o077).toBe(0);
});

it.each(['', '{', '{"version":2}', '{"version":1,"phase":"running","namespace":"x","servers":{"mysql":{}}}'])(
  'is refused when the file holds %j',
  async (text) => {
    await writeFile(join(dataDir, 'stack.json'), text);
    expect(() => readStackState(dataDir)).toThrow(expect.objectContaining({ code: 'STACK_STATE_INVALID' }));
  },
);
