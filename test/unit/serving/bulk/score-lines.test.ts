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

it.each([
  // Of the one line; what asks again for parts of a group has failed for nobody.
  ['SERVING_SESSION_FAILED', 6],
  ['SERVING_SCORE_INVALID', 1],
] as const)('a group that fails with %s and is asked for in parts has not failed yet', async (code, times) => {
  const { asked, answers } = setUp(code, [17]);
  await answers();
  const failed = asked.filter(({ count, options: { asksAgain } }) => count > 1 && asksAgain?.(new MillraceError(code, 'no')) === true);
  expect(failed.length).toBeGreaterThanOrEqual(times);
  expect(asked.filter(({ count }) => count === 1).map(({ options: { asksAgain } }) => asksAgain?.(new MillraceError(code, 'no')))).not.toContain(true);
});

it('a full queue is waited for, and is a failure once there is no time left', async () => {
  let tries = 0;
  const decided: boolean[] = [];
  const full = new MillraceError('SERVING_OVERLOADED', 'full');
  const predict: ScoreLinesOptions['predict'] = (instances, { asksAgain }) => {
    if (++tries > 3) return Promise.resolve(instances.map((instance) => ({ score: instance }) as Prediction));
    decided.push(asksAgain?.(full) === true);
    return Promise.reject(full);
  };
  expect(await setUp('SERVING_SCORE_INVALID', [], { predict }).answers()).toEqual(lines.map(({ number: line }, i) => ({ line, score: i })));
  expect(decided).toEqual([true, true, true]);
  tries = 0;
  const late = await setUp('SERVING_SCORE_INVALID', [], { predict, timeoutMs: 10 }).answers();
  expect([late[0], decided.slice(3)]).toEqual([{ line: 1, error: 'full', code: 'SERVING_OVERLOADED' }, [false]]);
});

it('lines are asked for by the priority of their request', async () => {
  const { asked, answers } = setUp('SERVING_SESSION_FAILED', [0], { priority: 'low' });
  await answers();
  expect(new Set(asked.map(({ options: { priority } }) => priority))).toEqual(new Set(['low']));
});
