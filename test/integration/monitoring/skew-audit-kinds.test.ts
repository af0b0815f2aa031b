import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { everyDecision } from '../../../src/contracts/audit.ts';
import type { ViewFeature } from '../../../src/define/aggregation.ts';
import { featureService } from '../../../src/define/feature-service.ts';
import type { Model } from '../../../src/define/model.ts';
import { assembleRow, compileService } from '../../../src/fold/compile-service.ts';
import { auditChunk } from '../../../src/monitoring/skew-audit.ts';
import { planAudit } from '../../../src/monitoring/skew-audit-decisions.ts';
import { createIngestPositions } from '../../../src/store/ingest-positions.ts';
import { createLogTableSql } from '../../../src/store/log-table.ts';
import { appendEvents } from '../../../src/store/offline-log.ts';
import { serviceDigest } from '../../../src/store/service-digest.ts';
import { projectCase, type ProjectCase, type ViewCase } from '../../support/projects/project-case.ts';
import { testScale, testSeed } from '../../support/projects/test-scale.ts';
import { openRegistryStage, type RegistryStage } from '../../support/registry-stage.ts';

const PROJECTS = 12 * testScale;
const HISTORIES = 6;
const TIMEOUT_MS = 120_000 * testScale;
/** Kinds that the fold estimates: an audit replays them. */
const SKETCHED = ['approxDistinct', 'approxQuantile', 'topK'];

let stage: RegistryStage;

beforeAll(async () => {
  stage = await openRegistryStage();
});
afterAll(() => stage.close());

/** A model of one view, whose decisions are the view's reads while events came in. */
async function serve({ project }: ProjectCase, { program, folded }: ViewCase): Promise<Model> {
  const { postgres } = stage;
  const { view } = program;
  const name = `${project.source.name}_${view.name}`;
  const service = featureService({ name, views: [view as never] });
  const compiled = compileService(service);
  await postgres.query("INSERT INTO millrace.models (name, definition) VALUES ($1, '{}')", [name]);
  await postgres.query(
    `INSERT INTO millrace.model_versions (model, version, digest, manifest, signature, metrics, lineage, registered_by, reason)
     VALUES ($1, 1, $1, '{}', $2, '{}', '{}', 'test', 'test')`,
    [name, JSON.stringify({ serviceDigest: serviceDigest(compiled) })],
  );
  const numbers = new Float32Array(compiled.numericNames.length);
  for (const [i, { key, asOf, fence, values }] of folded.entries()) {
    const instance = Object.fromEntries(view.entity.keys.map((field, k) => [field, key[k] ?? null]));
    assembleRow(compiled, [values], instance, asOf, numbers, 0, [], 0);
    const read = { view: view.name, version: 1, entityKey: key.join('\u001f'), fence, newestKnownTime: null };
    await postgres.query(
      `INSERT INTO millrace.decisions (id, model, version, variant, as_of, served_at, score, numbers, body)
       VALUES ($1, $2, 1, 'champion', timestamptz 'epoch' + $3::float8 * interval '1 millisecond', now(), 0.5, $4, $5)`,
      [
        `${name}/${i}`,
        name,
        asOf,
        Buffer.from(numbers.buffer.slice(0)),
        JSON.stringify({ categories: [], instance, reads: [read] }),
      ],
    );
  }
  return { name, service } as unknown as Model;
}

async function audit(model: Model) {
  const plan = await planAudit(stage.postgres, model.name, everyDecision, 'seed');
  const { tally, cursor } = await auditChunk(stage.postgres, {
    model,
    scope: everyDecision,
    plan,
    cursor: null,
    chain: '',
    decisionsMax: 10_000,
  });
  expect(cursor).toBeNull();
  return { plan, tally };
}

test(
  `every kind of aggregation is audited, the sketches by replay, seed ${testSeed}`,
  async () => {
    const { postgres } = stage;
    let replayed = 0;
    for (let index = 0; index < PROJECTS; index++) {
      const arbitrary = projectCase({ name: `events_${index}`, histories: HISTORIES, eventsMax: 80, changes: index % 3 === 0 });
      const [drawn] = fc.sample(arbitrary, { numRuns: 1, seed: testSeed + index }) as [ProjectCase];
      const { source } = drawn.project;
      for (const statement of createLogTableSql(source)) await postgres.query(statement);
      await appendEvents(postgres, source, drawn.ingested);
      const partitions = Array.from({ length: source.partitions }, (_, partition) => partition);
      await createIngestPositions(
        postgres,
        partitions.map((partition) => ({ source: source.name, partition, nextOffset: 1_000 })),
      );
      for (const one of drawn.views) {
        const model = await serve(drawn, one);
        const { plan, tally } = await audit(model);
        const { view } = one.program;
        expect(plan.decisions).toBe(one.folded.length);
        expect(tally, `seed ${testSeed + index}, ${JSON.stringify(view.features)}`).toMatchObject({
          decisions: one.folded.length,
          mismatched: 0,
          mismatches: [],
          skipped: 0,
          pending: 0,
        });
        const sketches = Object.entries<ViewFeature>(view.features).flatMap(([name, { kind }]) =>
          SKETCHED.includes(kind) ? [`${view.name}.${name}`] : [],
        );
        expect(tally.replayedFeatures).toEqual(sketches.sort());
        replayed += sketches.length;
      }
    }
    expect(replayed).toBeGreaterThan(0);
  },
  TIMEOUT_MS,
);

test('a served value that is not that of the raw rows is found, whichever its witness', async () => {
  const { postgres } = stage;
  // The first decision of each model that has one: its first value that is a number is made a little greater.
  const models = await postgres.query<{ model: string; id: string; numbers: Buffer }>(
    'SELECT DISTINCT ON (model) model, id, numbers FROM millrace.decisions ORDER BY model, seq',
  );
  expect(models.length).toBeGreaterThan(0);
  for (const { id, numbers } of models) {
    const values = new Float32Array(numbers.length / 4).map((_, i) => numbers.readFloatLE(4 * i));
    await postgres.query('UPDATE millrace.decisions SET numbers = $2 WHERE id = $1', [
      id,
      Buffer.from(
        values.map((value) => (Number.isNaN(value) || Math.abs(value) < 1e-30 ? 1 : value * 1.5)).buffer,
      ),
    ]);
  }
  for (let index = 0; index < PROJECTS; index++) {
    const arbitrary = projectCase({ name: `events_${index}`, histories: HISTORIES, eventsMax: 80, changes: index % 3 === 0 });
    const [drawn] = fc.sample(arbitrary, { numRuns: 1, seed: testSeed + index }) as [ProjectCase];
    for (const { program, folded } of drawn.views) {
      if (folded.length === 0) continue;
      const name = `${drawn.project.source.name}_${program.view.name}`;
      const model = {
        name,
        service: featureService({ name, views: [program.view as never] }),
      } as unknown as Model;
      const { tally } = await audit(model);
      expect(tally.mismatched).toBe(program.featureNames.length);
      expect(Object.keys(tally.mismatchedFeatures).sort()).toEqual(
        program.featureNames.map((feature) => `${program.view.name}.${feature}`).sort(),
      );
      expect(tally.mismatches.every(({ events }) => events !== null)).toBe(true);
    }
  }
});
