import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ARMS_MAX, EXPERIMENT_BUCKETS } from '../../../src/contracts/experiment.ts';
import { ArmRoutes } from '../../../serving/router/arm-routes.ts';
import { splitPoint } from '../../../serving/router/split-point.ts';
import { changedExperiment, experimentOf } from '../../support/serving/experiment-of.ts';

const ENTITIES = 4_000;
const keys = Array.from({ length: ENTITIES }, (_, i) => [`entity-${i}`]);
const target = (version: number) => ({ version, close: () => Promise.resolve() });
const variantsOf = (experiment: ReturnType<typeof experimentOf>): string[] => {
  const routes = new ArmRoutes(experiment, target);
  return keys.map((key) => routes.routeOf('m', key)?.variant ?? 'champion');
};
/** Buckets of so many arms, adding up to all at most. */
const shares = (arms: number) =>
  fc.array(fc.integer({ min: 1, max: Math.floor(EXPERIMENT_BUCKETS / arms) }), { minLength: arms, maxLength: arms }).map((all) => all.map((n) => n / EXPERIMENT_BUCKETS));
const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/);

describe('the arms of entities', () => {
  it('have the shares of their arms, within what chance allows', () => {
    fc.assert(
      fc.property(name, fc.integer({ min: 2, max: ARMS_MAX }).chain(shares), (experiment, all) => {
        const arms = all.map((share, i) => ({ name: `arm${i}`, version: i + 1, share }));
        const variants = variantsOf(experimentOf(experiment, arms));
        for (const arm of arms) {
          const count = variants.filter((variant) => variant === `${experiment}/${arm.name}`).length;
          // Six standard deviations: two in a thousand million.
          expect(Math.abs(count - ENTITIES * arm.share)).toBeLessThanOrEqual(6 * Math.sqrt(ENTITIES * arm.share * (1 - arm.share)) + 1);
        }
      }),
      { numRuns: 25 },
    );
  });

  it('never change between arms where arms only grow, however often', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 5 }), fc.array(fc.tuple(fc.nat({ max: 4 }), fc.integer({ min: 1, max: 1_500 })), { minLength: 1, maxLength: 5 }), (count, growths) => {
        const arms = Array.from({ length: count }, (_, i) => ({ name: `arm${i}`, version: i + 1, share: 0.01 }));
        let experiment = experimentOf('growing', arms);
        let before = variantsOf(experiment);
        for (const [which, buckets] of growths) {
          const arm = experiment.arms[which % count] as (typeof arms)[0];
          const free = 1 - experiment.arms.reduce((sum, { share }) => sum + share, 0);
          const grown = Math.floor((arm.share + Math.min(free, buckets / EXPERIMENT_BUCKETS)) * EXPERIMENT_BUCKETS + 1e-6) / EXPERIMENT_BUCKETS;
          experiment = changedExperiment(experiment, { [arm.name]: grown });
          const after = variantsOf(experiment);
          const wrong = after.filter((variant, i) => variant !== before[i] && !(before[i] === 'champion' && variant === `growing/${arm.name}`));
          expect(wrong).toEqual([]);
          before = after;
        }
      }),
      { numRuns: 25 },
    );
  });

  it('say nothing about those of another experiment, nor about the canary', () => {
    const halves = [{ name: 'a', version: 1, share: 0.5 }, { name: 'b', version: 2, share: 0.5 }];
    const [first, second] = [variantsOf(experimentOf('first', halves)), variantsOf(experimentOf('second', halves))];
    const inCanary = keys.map((key) => splitPoint('m', key) < 0.5);
    const both = first.filter((variant, i) => variant === 'first/a' && second[i] === 'second/a').length;
    const canary = first.filter((variant, i) => variant === 'first/a' && inCanary[i]).length;
    // A quarter of 4,000 with a standard deviation of 27.
    for (const count of [both, canary]) expect(Math.abs(count - ENTITIES / 4)).toBeLessThan(165);
  });
});
