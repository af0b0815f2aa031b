import { expect, test } from 'vitest';
import { createNames } from '../../../src/contracts/names.ts';
import type { KafkaClient } from '../../../src/infra/kafka.ts';
import type { Postgres } from '../../../src/infra/postgres.ts';
import { assertPlan, planProject } from '../../../src/store/plan-project.ts';
import { tinyProject } from '../../support/serving/tiny-project.ts';

/** A plan of the tiny project on servers that hold nothing but these topics. */
const planOn = (topics: Readonly<Record<string, number>>) =>
  planProject(tinyProject, {
    names: createNames('t'),
    postgres: { query: () => Promise.resolve([]) } as unknown as Postgres,
    kafka: {
      topicPartitions: () => Promise.resolve(new Map(Object.entries(topics))),
    } as unknown as KafkaClient,
  });

test('a topic with as many partitions as its definition is kept', async () => {
  const plan = await planOn({ 't.source.departures': 1 });
  expect(plan.topics.map(({ topic }) => topic)).not.toContain('t.source.departures');
  expect(() => {
    assertPlan(plan);
  }).not.toThrow();
});

test('a topic with another number of partitions is PLAN_TOPIC_INCOMPATIBLE', async () => {
  const plan = await planOn({ 't.source.departures': 3 });
  expect(() => {
    assertPlan(plan);
  }).toThrow(
    expect.objectContaining({
      code: 'PLAN_TOPIC_INCOMPATIBLE',
      message: expect.stringContaining("Topic 't.source.departures' has 3 partitions, expected 1") as unknown,
    }) as Error,
  );
});
