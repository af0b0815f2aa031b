import { afterAll, beforeAll, expect, test } from 'vitest';
import { featureService } from '../../../src/define/feature-service.ts';
import { boolean, nullable, number, string, timestamp } from '../../../src/define/field.ts';
import { model } from '../../../src/define/model.ts';
import { project, type Project } from '../../../src/define/project.ts';
import { source, type Source } from '../../../src/define/source.ts';
import { advanceIngestPositions } from '../../../src/store/ingest-positions.ts';
import { appendEvents } from '../../../src/store/offline-log.ts';
import { cardPayments, openEventPath, paymentSource, START, type EventPath } from '../stream/event-path.ts';

/** Long enough for an `apply` to come as far as it does before it has to wait. */
const HEAD_START_MS = 500;

const outcome = source({
  name: 'outcome',
  schema: { paymentId: string(), wasFraud: boolean(), foundAt: timestamp() },
  id: 'paymentId',
  eventTime: 'foundAt',
});

const projectWith = (label: Source): Project =>
  project({
    name: 'p',
    models: [
      model({
        name: 'fraud',
        service: featureService({ name: 's', views: [cardPayments] }),
        examples: { source: paymentSource, id: 'paymentId', decisionTime: { field: 'paidAt' } },
        label: { source: label as typeof outcome, id: 'paymentId', value: 'wasFraud' },
      }),
    ],
  });

let path: EventPath;
beforeAll(async () => {
  path = await openEventPath(projectWith(outcome));
});
afterAll(() => path.close());

/** A batch of ingest that `apply` begins in the middle of: the position has moved, its row is not in the log yet. */
async function applyAmidBatch(applied: Project, offset: number): Promise<unknown> {
  let apply: Promise<unknown> | undefined;
  const advance = { expectedOffset: offset, nextOffset: offset + 1, stored: 1, duplicates: 0, deadLetters: 0, beyondWindows: 0, newestKnownTime: START };
  const times = { eventTime: START, effectiveTime: START, knownTime: START };
  const row = { paymentId: `p${offset}`, wasFraud: true, foundAt: START };
  await path.postgres.transaction(async (tx) => {
    expect(await advanceIngestPositions(tx, [{ source: outcome.name, partition: 0, ...advance }])).toHaveLength(1);
    apply = path.apply(applied);
    await Promise.race([apply, new Promise((resolve) => setTimeout(resolve, HEAD_START_MS))]);
    await appendEvents(tx, outcome, [{ sourcePartition: 0, sourceOffset: offset, ...times, row }]);
  });
  return apply;
}

test('applying what is applied waits for no batch of ingest, and no batch waits for it', async () => {
  expect(await applyAmidBatch(projectWith(outcome), 0)).toMatchObject({ steps: [] });
});

test('a change of a log and a batch for it come one after the other', async () => {
  const changed = { ...outcome, schema: { ...outcome.schema, amount: nullable(number()) } } as unknown as Source;
  await applyAmidBatch(projectWith(changed), 1);
  expect(await path.postgres.query('SELECT "paymentId", amount FROM log.outcome ORDER BY source_offset')).toEqual([
    { paymentId: 'p0', amount: null },
    { paymentId: 'p1', amount: null },
  ]);
});
