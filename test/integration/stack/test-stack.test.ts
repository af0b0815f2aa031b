import { Connection } from '@temporalio/client';
import { Redis } from 'ioredis';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { expect, it } from 'vitest';
import { createTestDatabase, testPrefix, testStack } from '../../support/test-stack.ts';

it('gives each test file a database of its own', async () => {
  const database = await createTestDatabase();
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  const { rows } = await client.query<{ one: number }>('SELECT 1 AS one');
  expect(rows).toEqual([{ one: 1 }]);
  await client.end();
  await database.drop();
});

it('reaches Redis', async () => {
  const redis = new Redis(testStack().redisUrl);
  expect(await redis.ping()).toBe('PONG');
  await redis.quit();
});

it('reaches Kafka', async () => {
  const admin = new Kafka({ brokers: testStack().kafkaBrokers, logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  expect((await admin.describeCluster()).brokers).toHaveLength(1);
  await admin.disconnect();
});

it('reaches Temporal', async () => {
  const { temporalAddress: address, temporalNamespace: namespace } = testStack();
  const connection = await Connection.connect({ address });
  const found = await connection.workflowService.describeNamespace({ namespace });
  expect(found.namespaceInfo?.name).toBe(namespace);
  await connection.close();
});

it('makes names that no two tests share', () => {
  expect(testPrefix()).not.toBe(testPrefix());
});
