import { expect, it } from 'vitest';
import type { Prediction, PredictOptions } from '../../../../serving/prediction.ts';
import { scoreLines, type ScoreLinesOptions } from '../../../../serving/bulk/score-lines.ts';
import { MillraceError } from '../../../../src/core/millrace-error.ts';

const LINES = 64;
const lines = Array.from({ length: LINES }, (_, i) => ({ number: i + 1, text: String(i) }));

/** Lines of numbers, each its own score; a request fails as a whole where one of them is bad. */
function setUp(code: 'SERVING_SESSION_FAILED' | 'SERVING_SCORE_INVALID', bad: readonly number[], over: Partial<ScoreLinesOptions> = {}) {
  const asked: { readonly count: number; readonly options: PredictOptions }[] = [];
  const predict: ScoreLinesOptions['predict'] = (instances, options) => {
    asked.push({ count: instances.length, options });
    if (instances.some((instance) => bad.includes(instance as number))) return Promise.reject(new MillraceError(code, 'no'));
    return Promise.resolve(instances.map((instance) => ({ score: instance }) as Prediction));
  };
  const options = { predict, parse: (text: string) => ({ instance: Number(text) }), lineBytesMax: 100, timeoutMs: 1_000, signal: new AbortController().signal, ...over };
  return { asked, answers: () => scoreLines(lines, options) };
}

it.each([
  // The whole, and two halves of each group that fails, six times.
  ['SERVING_SESSION_FAILED', 1 + 2 * 6],
  ['SERVING_SCORE_INVALID', 1 + LINES],
] as const)('a line that fails with %s fails alone, after %d requests', async (code, requests) => {
  const { asked, answers } = setUp(code, [17]);
  expect(await answers()).toEqual(lines.map(({ number: line }, i) => (i === 17 ? { line, error: 'no', code } : { line, score: i })));
  expect(asked).toHaveLength(requests);
});

it('lines are asked for by the priority of their request', async () => {
  const { asked, answers } = setUp('SERVING_SESSION_FAILED', [0], { priority: 'low' });
  await answers();
  expect(new Set(asked.map(({ options: { priority } }) => priority))).toEqual(new Set(['low']));
});
