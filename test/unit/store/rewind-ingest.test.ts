import { expect, test } from 'vitest';
import { createNames } from '../../../src/contracts/names.ts';
import type { KafkaClient } from '../../../src/infra/kafka.ts';
import type { Postgres, Queryable } from '../../../src/infra/postgres.ts';
import { rewindIngest } from '../../../src/store/rewind-ingest.ts';
import { departures } from '../../support/serving/tiny-project.ts';

/** Rewinds a source whose log begins at `first`, while Kafka's oldest offset is `earliest`; answers what was changed. */
async function rewind(first: number, earliest: number): Promise<string[]> {
  const changes: string[] = [];
  const query = (text: string): Promise<object[]> => {
    if (/^(DELETE|UPDATE)/.test(text)) changes.push(text.split(' ')[0] as string);
    return Promise.resolve(text.includes('min(source_offset)') ? [{ partition: 0, first }] : []);
  };
  const tx = { query } as unknown as Queryable;
  const postgres = {
    transaction: (work: (tx: Queryable) => Promise<unknown>) => work(tx),
  } as unknown as Postgres;
  const kafka = {
    topicOffsets: () => Promise.resolve([{ partition: 0, earliest, end: earliest + 10 }]),
  } as unknown as KafkaClient;
  await rewindIngest({ postgres, kafka, names: createNames('t') }, departures, 0).catch((cause: unknown) => {
    throw Object.assign(cause as Error, { changes });
  });
  return changes;
}

test('what Kafka still has is taken out of the log, to be read again', async () => {
  expect(await rewind(5, 5)).toEqual(['DELETE', 'DELETE', 'UPDATE']);
});

test('what Kafka no longer has is STREAM_GAP, and nothing is changed', async () => {
  await expect(rewind(4, 5)).rejects.toMatchObject({
    code: 'STREAM_GAP',
    message: expect.stringContaining("from offset 4: Kafka's oldest is 5") as unknown,
    changes: [],
  });
});
