import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { boolean, string, timestamp } from '../../../src/define/field.ts';
import { model } from '../../../src/define/model.ts';
import { project } from '../../../src/define/project.ts';
import { source } from '../../../src/define/source.ts';
import { delayModel, departures } from '../../support/serving/tiny-project.ts';
import { eventually, openEventPath, START, type EventPath } from './event-path.ts';

const reports = source({
  name: 'reports',
  schema: { reportId: string(), flightId: string(), at: timestamp(), late: boolean() },
  id: 'reportId',
  eventTime: 'at',
  knownTime: 'carried',
  partitions: 1,
});
const reported = model({
  name: 'delay',
  service: delayModel.service,
  examples: { source: departures, id: 'flightId', decisionTime: { field: 'at' } },
  label: { source: reports, id: 'flightId', value: 'late' },
});

let path: EventPath;
beforeAll(async () => {
  path = await openEventPath(project({ name: 'reported', models: [reported] }));
});
afterAll(() => path.close());

const namesOfIndexes = async () =>
  (await path.postgres.query<{ name: string }>("SELECT indexname AS name FROM pg_indexes WHERE tablename = 'reports'")).map(({ name }) => name);

test('a label whose id is longer than an index entry holds up no other, also not in a log that an earlier release indexed', async () => {
  await path.postgres.query('DROP INDEX log."reports_where_flightId"');
  await path.postgres.query('CREATE INDEX "reports_by_flightId" ON log.reports ("flightId")');
  await path.apply();
  await path.apply();
  expect(await namesOfIndexes()).toContain('reports_where_flightId');
  expect(await namesOfIndexes()).not.toContain('reports_by_flightId');
  await path.ingest();
  // Not to be compressed.
  const long = randomBytes(4_000).toString('hex');
  const flights = ['F1', long, 'F2'];
  await path.replayer.send(
    flights.map((flightId, n) => ({ source: 'reports', id: `r${n}`, knownTime: START, payload: { reportId: `r${n}`, flightId, at: START, late: true } })),
  );
  const stored = async () =>
    (await path.postgres.query<{ id: string }>('SELECT "flightId" AS id FROM log.reports ORDER BY source_offset')).map(({ id }) => id);
  await eventually('all are stored', async () => (await stored()).length === flights.length);
  expect(await stored()).toEqual(flights);
  await path.postgres.transaction(async (tx) => {
    await tx.query('SET LOCAL enable_seqscan = off');
    const plan = await tx.query('EXPLAIN SELECT late FROM log.reports WHERE "flightId" = $1', [long]);
    expect(JSON.stringify(plan)).toContain('reports_where_flightId');
  });
});
