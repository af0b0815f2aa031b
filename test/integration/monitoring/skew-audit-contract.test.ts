import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FeatureView } from '../../../src/define/feature-view.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import { applyContract } from '../../../src/monitoring/skew-audit-contract.ts';
import { createLogTableSql } from '../../../src/store/log-table.ts';
import { appendEvents } from '../../../src/store/offline-log.ts';
import { readTwin } from '../../../src/store/sql/view-twin.ts';
import { float32Of } from '../../support/naive/float32.ts';
import { testSeed } from '../../support/projects/test-scale.ts';
import { openRegistryStage, type RegistryStage } from '../../support/registry-stage.ts';
import { naively, ofAllEvents, twinCase } from '../../support/sql/twin-cases.ts';

const VIEWS = 6;
const HISTORIES = 10;
const contracts: Pick<FeatureView, 'maxAge' | 'onStale' | 'ttl'>[] = [
  { maxAge: '20m', onStale: 'null' },
  { ttl: '3h' },
  { maxAge: '1h', onStale: 'null', ttl: '2h' },
  { maxAge: '2h', onStale: 'serve', ttl: '30m' },
];

let stage: RegistryStage;

beforeAll(async () => {
  stage = await openRegistryStage();
});
afterAll(() => stage.close());

test("SQL's values under a view's contract on ages are those of the oracle, as known and up to fences", async () => {
  const { postgres } = stage;
  const seed = testSeed;
  let changed = 0;
  for (let index = 0; index < VIEWS; index++) {
    const [keyed] = fc.sample(twinCase(index, HISTORIES), { numRuns: 1, seed: seed + index });
    if (keyed === undefined) throw new Error('fast-check draws what it is asked for');
    const drawn = index % 3 === 2 ? ofAllEvents(keyed) : keyed;
    for (const statement of createLogTableSql(drawn.view.source)) await postgres.query(statement);
    const logged = drawn.events.map((event) => ({ ...event, eventTime: event.row['at'] as number }));
    await appendEvents(postgres, drawn.view.source, logged);
    for (const contract of contracts) {
      const view = { ...drawn.view, ...contract };
      const program = compileView(view);
      const width = program.featureNames.length;
      for (const visibility of ['known', 'fence'] as const) {
        const values = await readTwin(postgres, view, drawn.rows, visibility);
        const before = values.slice();
        await applyContract(postgres, program, drawn.rows, visibility, values);
        if (before.some((value, i) => !Object.is(value, values[i]))) changed++;
        const found = drawn.rows.map((_, r) => Array.from(values.subarray(r * width, (r + 1) * width), float32Of));
        expect(found, `seed ${seed + index}, ${JSON.stringify(contract)}, ${visibility}`).toEqual(
          naively({ ...drawn, view, program }, visibility),
        );
      }
    }
  }
  expect(changed).toBeGreaterThan(0);
});
