import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Postgres } from '../../../../src/infra/postgres.ts';
import { createLogTableSql } from '../../../../src/store/log-table.ts';
import { appendEvents, type LoggedEvent } from '../../../../src/store/offline-log.ts';
import { readableQuery } from '../../../../src/store/sql/readable-query.ts';
import { readTwins, type TwinRow } from '../../../../src/store/sql/view-twin.ts';
import type { NaiveFeatures } from '../../../support/naive-features.ts';
import { expectExact, expectFolded, featuresNaively } from '../../../support/projects/expect-values.ts';
import { projectCase, type ProjectCase, type ViewCase } from '../../../support/projects/project-case.ts';
import { testScale, testSeed } from '../../../support/projects/test-scale.ts';
import { openRegistryStage, type RegistryStage } from '../../../support/registry-stage.ts';

/** Each project reads many histories side by side in one log. */
const PROJECTS = 60 * testScale;
const HISTORIES = 24;
const EVENTS_MAX = 40;
/** Every so manieth is of a source whose rows change. */
const CHANGING_EACH = 3;
/** Reads of each view that the query for a person answers too. */
const READABLE_READS = 2;
const TIMEOUT_MS = 300_000 * testScale;

let stage: RegistryStage;
let postgres: Postgres;

beforeAll(async () => {
  stage = await openRegistryStage();
  postgres = stage.postgres;
});
afterAll(() => stage.close());

type Row = TwinRow & { readonly key: readonly string[]; readonly values?: Float64Array };

const isSeen = {
  fence: (row: Row) => (one: LoggedEvent) => one.sourceOffset <= (row.fence?.[one.sourcePartition] ?? -1),
  known: (row: Row) => (one: LoggedEvent) => one.knownTime <= row.asOf,
};

/** SQL's answers, of a batch and of single reads, against the oracle's; and the fold's against both. */
async function checkView(
  { project, log }: ProjectCase,
  { program, folded, known }: ViewCase,
  what: string,
): Promise<number> {
  const { view } = program;
  const rows: Row[] = [...folded, ...known.map((read) => ({ ...read, fence: {} }))];
  const exact = (row: Row, by: 'fence' | 'known'): NaiveFeatures =>
    featuresNaively(view, log, row, isSeen[by](row));
  const width = program.featureNames.length;
  const [upToFences, asKnown] = await readTwins(postgres, view, rows, ['fence', 'known']);
  rows.forEach((row, r) => {
    const of = (values: Float64Array | undefined) =>
      (values as Float64Array).subarray(r * width, (r + 1) * width);
    const where = (form: string) => () =>
      `${what}, ${project.source.name}.${view.name}, ${form}, ${JSON.stringify({ ...row, values: null })}`;
    expectExact(view, of(upToFences), exact(row, 'fence'), where('SQL up to fences'));
    expectExact(view, of(asKnown), exact(row, 'known'), where('SQL as known'));
    if (row.values !== undefined) expectFolded(view, row.values, exact(row, 'fence'), where('fold'));
  });
  for (const row of rows.slice(0, READABLE_READS)) {
    for (const by of ['fence', 'known'] as const) {
      const sql = readableQuery(view, {
        asOf: row.asOf,
        key: row.key,
        fence: by === 'fence' ? (row.fence ?? {}) : null,
      });
      const [answer] = await postgres.queryArrays(sql);
      const values = (answer ?? [])
        .slice(view.entity.keys.length + 1)
        .map((value) => (value ?? NaN) as number);
      expectExact(view, values, exact(row, by), () => `${what}, ${sql}`);
    }
  }
  return rows.length;
}

describe(`random projects in SQL, seed ${testSeed}`, () => {
  test(
    `mean in ${PROJECTS * HISTORIES} histories what they mean in the fold and by the oracle`,
    async () => {
      let reads = 0;
      for (let index = 0; index < PROJECTS; index++) {
        const seed = testSeed + index;
        const arbitrary = projectCase({
          name: `events_${index}`,
          histories: HISTORIES,
          eventsMax: EVENTS_MAX,
          changes: index % CHANGING_EACH === 0,
        });
        const [drawn] = fc.sample(arbitrary, { numRuns: 1, seed }) as [ProjectCase];
        expect(drawn.ingested).toEqual(drawn.log);
        for (const statement of createLogTableSql(drawn.project.source)) await postgres.query(statement);
        await appendEvents(postgres, drawn.project.source, drawn.ingested);
        for (const one of drawn.views) reads += await checkView(drawn, one, `seed ${seed}`);
      }
      expect(reads).toBeGreaterThan(PROJECTS * HISTORIES);
    },
    TIMEOUT_MS,
  );
});
