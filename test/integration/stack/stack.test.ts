import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { isSameProcess } from '../../../stack/process-identity.ts';
import type { StackProgress } from '../../../stack/stack-progress.ts';
import { stackEnvironment } from '../../../stack/stack-environment.ts';
import {
  readStackFile,
  readStackState,
  type StackFile,
  type StackState,
} from '../../../stack/stack-state.ts';
import { startStack, type RunningStack } from '../../../stack/start-stack.ts';
import { stopStack } from '../../../stack/stop-stack.ts';

/** Our own servers, whatever the environment of the test run names. */
const environment = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !name.startsWith('MILLRACE_')),
);
const quiet = (): void => undefined;

let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'millrace-stack-'));
});

afterAll(async () => {
  await stopStack(dataDir, quiet);
  await rm(dataDir, { recursive: true, force: true });
});

const start = (onProgress: (progress: StackProgress) => void = quiet): Promise<RunningStack> =>
  startStack({ dataDir, environment, onProgress });

function processesOf(file: StackFile | undefined): { pid: number; identity: string }[] {
  return Object.values(file?.servers ?? {}).flatMap((state) => state.process ?? []);
}

const running = (file: StackFile | undefined): number[] =>
  processesOf(file).flatMap(({ pid, identity }) => (isSameProcess(pid, identity) ? [pid] : []));

describe('a stack', () => {
  it('starts, keeps its data and ports over a stop, and leaves no process behind', async () => {
    const first = await start();
    await writeToEach(first);
    const before = readStackState(dataDir);
    expect(running(before)).toHaveLength(4);

    await first.stop();
    expect(running(before)).toEqual([]);
    expect(readStackState(dataDir)).toBeUndefined();
    expect(readStackFile(dataDir)?.phase).toBe('stopped');

    const second = await start();
    expect(second.environment).toEqual(first.environment);
    expect(await readFromEach(second)).toEqual({
      postgres: 'kept',
      redis: 'kept',
      kafka: 1,
      temporal: 'kept',
    });
    second.unwatch();
  });

  it('is used as it is when it runs already', async () => {
    const before = readStackState(dataDir);
    const again = await start();
    again.unwatch();
    expect(processesOf(again.state)).toEqual(processesOf(before));
  });

  it('stays ours when the environment names its own addresses', async () => {
    const before = readStackState(dataDir);
    const again = await startStack({
      dataDir,
      environment: { ...environment, ...stackEnvironment(before as StackState) },
      onProgress: quiet,
    });
    again.unwatch();
    expect(processesOf(again.state)).toEqual(processesOf(before));
  });

  it('reports a server that crashes, and brings back only that one at the next start', async () => {
    const seen: StackProgress[] = [];
    const stack = await start((progress) => seen.push(progress));
    const redis = stack.state.servers.redis.process;
    process.kill(redis?.pid ?? 0, 'SIGKILL');
    await vi.waitFor(() => {
      expect(seen.at(-1)).toMatchObject({ server: 'redis', phase: 'crashed' });
    }, 5_000);
    expect(seen.at(-1)?.logTail?.join('\n')).toContain('Ready to accept connections');
    stack.unwatch();

    const next = await start();
    next.unwatch();
    expect(next.state.servers.redis.process).not.toEqual(redis);
    expect(next.state.servers.kafka.process).toEqual(stack.state.servers.kafka.process);
  });

  it('leaves alone what it has not started when it is stopped', async () => {
    const stack = await start();
    stack.unwatch();
    const { redis } = stack.state.servers;
    const otherDir = await mkdtemp(join(tmpdir(), 'millrace-stack-'));
    const addresses = { ...environment, ...stack.environment };
    const other = await startStack({ dataDir: otherDir, environment: addresses, onProgress: quiet });
    await other.stop();
    expect(isSameProcess(redis.process?.pid ?? 0, redis.process?.identity ?? '')).toBe(true);
    await rm(otherDir, { recursive: true });
  });
});

describe('a start that does not succeed', () => {
  it('ends what it had started when it is aborted', async () => {
    const otherDir = await mkdtemp(join(tmpdir(), 'millrace-stack-'));
    const controller = new AbortController();
    const attempt = startStack({
      dataDir: otherDir,
      environment,
      signal: controller.signal,
      onProgress: ({ server, phase }) => {
        if (server === 'redis' && phase === 'ready') controller.abort(new Error('the test has seen enough'));
      },
    });
    await expect(attempt).rejects.toMatchObject({ code: 'STACK_ABORTED' });
    const text = await readFile(join(otherDir, 'stack.json'), 'utf8');
    expect(JSON.parse(text)).toMatchObject({ phase: 'stopped' });
    await sleep(100);
    expect(running(readStackFile(otherDir))).toEqual([]);
    await rm(otherDir, { recursive: true });
  });

  it('names the variable when a demanded port is taken', async () => {
    const otherDir = await mkdtemp(join(tmpdir(), 'millrace-stack-'));
    const taken = String(readStackState(dataDir)?.servers.redis.ports['main']);
    const attempt = startStack({
      dataDir: otherDir,
      environment: { ...environment, MILLRACE_REDIS_PORT: taken },
      onProgress: quiet,
    });
    await expect(attempt).rejects.toMatchObject({
      code: 'STACK_PORT_BUSY',
      message: expect.stringContaining('MILLRACE_REDIS_PORT') as string,
    });
    await rm(otherDir, { recursive: true });
  });

  it('names the variable when a server that the environment names does not answer', async () => {
    const otherDir = await mkdtemp(join(tmpdir(), 'millrace-stack-'));
    const attempt = startStack({
      dataDir: otherDir,
      environment: { ...environment, MILLRACE_KAFKA_BROKERS: '127.0.0.1:1' },
      onProgress: quiet,
    });
    await expect(attempt).rejects.toMatchObject({
      code: 'STACK_SERVER_UNAVAILABLE',
      message: expect.stringContaining('MILLRACE_KAFKA_BROKERS') as string,
    });
    await rm(otherDir, { recursive: true });
  });
});

async function writeToEach({ state }: RunningStack): Promise<void> {
  await withPostgres(state.servers.postgres.address, async (client) => {
    await client.query(`CREATE TABLE kept AS SELECT 'kept' AS value`);
  });
  const redis = new Redis(state.servers.redis.address);
  await redis.set('kept', 'kept');
  await redis.quit();
  const kafka = new Kafka({ brokers: [state.servers.kafka.address], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic: 'kept', numPartitions: 1 }] });
  await admin.disconnect();
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic: 'kept', messages: [{ value: 'kept' }] });
  await producer.disconnect();
  await withTemporal(state.servers.temporal.address, state.namespace, async (client) => {
    await client.workflow.start('kept', {
      workflowId: 'kept',
      taskQueue: 'nobody',
      searchAttributes: { MillraceModel: ['kept'] },
    });
  });
}

async function readFromEach({ state }: RunningStack): Promise<Record<string, unknown>> {
  const postgres = await withPostgres(state.servers.postgres.address, async (client) => {
    const { rows } = await client.query<{ value: string }>('SELECT value FROM kept');
    return rows[0]?.value;
  });
  const redis = new Redis(state.servers.redis.address);
  const kept = await redis.get('kept');
  await redis.quit();
  const admin = new Kafka({ brokers: [state.servers.kafka.address], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  const [offsets] = await admin.fetchTopicOffsets('kept');
  await admin.disconnect();
  const temporal = await withTemporal(state.servers.temporal.address, state.namespace, async (client) => {
    const description = await client.workflow.getHandle('kept').describe();
    return description.workflowId;
  });
  return { postgres, redis: kept, kafka: Number(offsets?.high), temporal };
}

async function withPostgres<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function withTemporal<T>(
  address: string,
  namespace: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  const connection = await Connection.connect({ address });
  try {
    return await work(new Client({ connection, namespace }));
  } finally {
    await connection.close();
  }
}
