import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { project as defineProject } from '../../../src/define/project.ts';
import { validateProject } from '../../../src/define/validate-project.ts';
import { expectFolded, expectSame, featuresNaively } from '../../support/projects/expect-values.ts';
import { projectCase, type ProjectCase } from '../../support/projects/project-case.ts';
import { readKnown } from '../../support/projects/read-known.ts';
import { testScale, testSeed } from '../../support/projects/test-scale.ts';

const CASES = 1_400 * testScale;
/** Of sources whose rows change. */
const CHANGING_CASES = 600 * testScale;
const LARGE_CASES = 40 * testScale;
const TIMEOUT_MS = 120_000 * testScale;

/** Everything that the fold says of a random project, held against the oracle. */
async function check(drawn: ProjectCase): Promise<void> {
  expect(validateProject(defineProject({ name: 'random', views: [...drawn.project.views] }))).toEqual([]);
  expect(drawn.ingested).toEqual(drawn.log);
  for (const { program, folded, ends, known } of drawn.views) {
    const { view } = program;
    for (const read of folded) {
      const exact = featuresNaively(
        view,
        drawn.log,
        read,
        (one) => one.sourceOffset <= (read.fence[one.sourcePartition] ?? -1),
      );
      expectFolded(
        view,
        read.values,
        exact,
        () => `fold up to ${JSON.stringify(read.fence)}, ${read.key.join('/')} as of ${read.asOf}`,
      );
    }
    for (const [one, other] of ends)
      expectSame(view, one.values, other.values, () => `another order, ${one.key.join('/')}`);
    for (const { form, values } of await readKnown(program, drawn.ingested, known)) {
      known.forEach((read, row) => {
        const exact = featuresNaively(view, drawn.log, read, (one) => one.knownTime <= read.asOf);
        expectFolded(
          view,
          values[row] as Float64Array,
          exact,
          () => `${form}, ${read.key.join('/')} as of ${read.asOf}`,
        );
      });
    }
  }
}

describe(`random projects, seed ${testSeed}`, () => {
  it(
    'mean in the fold what they mean by the oracle, as they arrive and as of any moment',
    async () => {
      await fc.assert(fc.asyncProperty(projectCase({ name: 'events', histories: 1, eventsMax: 40 }), check), {
        numRuns: CASES,
        seed: testSeed,
      });
    },
    TIMEOUT_MS,
  );

  it(
    'so where rows change, move to other keys and go',
    async () => {
      const drawn = projectCase({ name: 'rows', histories: 1, eventsMax: 40, changes: true });
      await fc.assert(fc.asyncProperty(drawn, check), { numRuns: CHANGING_CASES, seed: testSeed });
    },
    TIMEOUT_MS,
  );

  it(
    'with more events than a sketch counts exactly',
    async () => {
      const drawn = fc
        .boolean()
        .chain((changes) => projectCase({ name: 'events', histories: 1, eventsMax: 600, changes }));
      await fc.assert(fc.asyncProperty(drawn, check), { numRuns: LARGE_CASES, seed: testSeed });
    },
    TIMEOUT_MS,
  );
});
