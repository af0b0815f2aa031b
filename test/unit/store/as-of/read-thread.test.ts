import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { compileView } from '../../../../src/fold/compile-view.ts';
import { ReadThread } from '../../../../src/store/as-of/read-thread.ts';
import { GROUP_VIEWS_MAX, groupViews } from '../../../../src/store/as-of/view-groups.ts';
import { project } from '../../../support/store/as-of-history.ts';

const start = {
  views: project.views,
  postgresUrl: 'postgresql://127.0.0.1:1/none',
  coldLog: null,
  eventFiles: null,
  duckdbMemoryMb: 0,
  spillTo: tmpdir(),
};
const job = {
  views: [0],
  spine: [{ row: { origin: 'EWR' }, asOf: 0 }],
  request: { mode: 'known' as const, dataCut: 0 },
};

test('a thread that reads the past hands on what it throws, and says where it died', async () => {
  const thread = new ReadThread(start);
  await expect(thread.rows(job)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  const asked = thread.rows(job);
  thread.terminate();
  await expect(asked).rejects.toMatchObject({ code: 'FEATURE_READ_DIED' });
});

test('views of one entity are a group, up to as many as its bits of staleness have room for', () => {
  const [origins, carriers] = project.views.map(compileView);
  expect(groupViews([origins!, carriers!, origins!]).map(({ keyFields, members }) => [keyFields, members])).toEqual([
    [['origin'], [0, 2]],
    [['carrier'], [1]],
  ]);
  const many = groupViews(Array.from({ length: GROUP_VIEWS_MAX + 2 }, () => origins!));
  expect(many.map(({ members }) => members.length)).toEqual([GROUP_VIEWS_MAX, 2]);
});
