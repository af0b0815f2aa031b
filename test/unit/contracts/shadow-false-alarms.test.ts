import { expect, it } from 'vitest';
import { judgeShadow } from '../../../src/contracts/judge-shadow.ts';
import type { ComparedAnswers } from '../../../src/contracts/shadow-comparison.ts';
import { createRandom } from '../../../src/training/seeded-random.ts';
import { rolloutPolicyDefault } from '../../../src/define/model.ts';

const SHADOWS = 400;
const SEGMENTS = 10;
const ANSWERS = 1_000;
const LOOK_EVERY = 25;
const FLIP_RATE = 0.05;
const DISTANCE = 0.1;
const policy = { ...rolloutPolicyDefault, maxFlipRate: FLIP_RATE, maxSegmentFlipRate: FLIP_RATE, maxMeanScoreDistance: DISTANCE, maxSegmentMeanScoreDistance: DISTANCE };

interface Sums {
  answers: number;
  flips: number;
  distance: number;
  squares: number;
}
const nothing = (): Sums => ({ answers: 0, flips: 0, distance: 0, squares: 0 });

function figuresOf({ answers, flips, distance, squares }: Sums): ComparedAnswers {
  const deviation = answers < 2 ? null : Math.sqrt(Math.max(0, (squares - (distance * distance) / answers) / (answers - 1)));
  return { answers, toPositive: flips, toNegative: 0, meanDistance: answers === 0 ? null : distance / answers, distanceDeviation: deviation, p95Distance: null, maxDistance: null };
}

/** One shadow whose every figure lies on its bound: distances are exponential, a long tail upwards. */
function isStopped(random: () => number): boolean {
  const all = nothing();
  const segments = Array.from({ length: SEGMENTS }, nothing);
  for (let i = 1; i <= ANSWERS; i++) {
    const flip = random() < FLIP_RATE ? 1 : 0;
    const distance = -Math.log(1 - random()) * DISTANCE;
    for (const sums of [all, segments[Math.floor(random() * SEGMENTS)]!]) {
      sums.answers += 1;
      sums.flips += flip;
      sums.distance += distance;
      sums.squares += distance * distance;
    }
    if (i % LOOK_EVERY > 0) continue;
    const found = segments.map((sums, n) => ({ ...figuresOf(sums), field: 'carrier', value: String(n), isRest: false }));
    const judgedSegments = found.filter(({ answers }) => answers >= rolloutPolicyDefault.segmentAnswersMin!).length;
    if (judgeShadow(policy, { overall: figuresOf(all), ks: null, segments: found, judgedSegments }) !== null) return true;
  }
  return false;
}

it('few shadows are stopped by chance over all looks of a step, although every figure lies on its bound', () => {
  const { uniform } = createRandom(1);
  const stopped = Array.from({ length: SHADOWS }, () => isStopped(uniform)).filter(Boolean).length;
  expect(stopped / SHADOWS).toBeLessThan(0.03);
});
