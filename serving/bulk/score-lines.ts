import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../../src/core/error-table.ts';
import { isMillraceError, messageOf, MillraceError } from '../../src/core/millrace-error.ts';
import type { Priority } from '../batcher/priority.ts';
import type { Prediction, PredictOptions } from '../prediction.ts';
import type { Line } from './split-lines.ts';

/** What one line asks for. */
export interface LineRequest {
  readonly instance: unknown;
  readonly asOf?: number | undefined;
}

export interface ScoreLinesOptions {
  readonly predict: (instances: readonly unknown[], options: PredictOptions) => Promise<readonly Prediction[]>;
  /** @throws MillraceError REQUEST_INVALID */
  readonly parse: (text: string) => LineRequest;
  readonly lineBytesMax: number;
  /** Time of a line from its reading to its answer. */
  readonly timeoutMs: number;
  /** Of all lines. */
  readonly priority?: Priority | undefined;
  readonly signal: AbortSignal;
}

export type LineAnswer = ({ readonly line: number } & Prediction) | { readonly line: number; readonly error: string; readonly code: string };

/** What is full now and will not be in a moment: a bulk waits for it, so that its reading slows down. */
const passing: ReadonlySet<ErrorCode> = new Set(['SERVING_OVERLOADED', 'SERVING_DECISION_LOG_FULL']);
/** What may be wrong with one instance, and fails a request as a whole. */
const ofOneRow: ReadonlySet<ErrorCode> = new Set([
  'REQUEST_INVALID',
  'FEATURE_AS_OF_TOO_EARLY',
  'FEATURE_STALE',
  'FEATURE_ON_DEMAND_FAILED',
  'STATE_CORRUPT',
  'SERVING_SCORE_INVALID',
]);
const PASSING_WAIT_MS = 20;

interface Asked extends LineRequest {
  readonly line: number;
}

/** Answers lines, in their order; the error of a line is the answer of that line alone. */
export async function scoreLines(lines: readonly Line[], options: ScoreLinesOptions): Promise<LineAnswer[]> {
  const answers = new Map<number, LineAnswer>();
  const groups = new Map<number | undefined, Asked[]>();
  for (const { number: line, text } of lines) {
    try {
      if (text === null) throw new MillraceError('REQUEST_TOO_LARGE', `Line ${line} is longer than ${options.lineBytesMax} bytes, and was skipped.`);
      const { instance, asOf } = options.parse(text);
      const group = groups.get(asOf);
      if (group === undefined) groups.set(asOf, [{ line, instance, asOf }]);
      else group.push({ line, instance, asOf });
    } catch (error) {
      answers.set(line, errorAnswer(line, error));
    }
  }
  const deadline = performance.now() + options.timeoutMs;
  const scored = await Promise.all([...groups.values()].map((group) => scoreGroup(group, deadline, options)));
  for (const answer of scored.flat()) answers.set(answer.line, answer);
  return lines.map(({ number }) => answers.get(number) as LineAnswer);
}

async function scoreGroup(group: readonly Asked[], deadline: number, options: ScoreLinesOptions): Promise<LineAnswer[]> {
  const { predict, priority, signal } = options;
  const step = (error: unknown): NextStep => nextStep(error, group.length, performance.now() + PASSING_WAIT_MS < deadline && !signal.aborted);
  const asksAgain = (error: unknown): boolean => step(error) !== 'give up';
  const scoreApart = async (parts: readonly (readonly Asked[])[]): Promise<LineAnswer[]> =>
    (await Promise.all(parts.map((part) => scoreGroup(part, deadline, options)))).flat();
  for (;;) {
    try {
      const timeoutMs = Math.max(1, deadline - performance.now());
      const predictions = await predict(group.map(({ instance }) => instance), { asOf: group[0]?.asOf, timeoutMs, priority, asksAgain });
      return predictions.map((prediction, i) => ({ line: (group[i] as Asked).line, ...prediction }));
    } catch (error) {
      const next = step(error);
      const middle = group.length >> 1;
      if (next === 'each alone') return scoreApart(group.map((asked) => [asked]));
      if (next === 'halves') return scoreApart([group.slice(0, middle), group.slice(middle)]);
      if (next === 'give up') return group.map(({ line }) => errorAnswer(line, error));
      await sleep(PASSING_WAIT_MS);
    }
  }
}

type NextStep = 'wait' | 'each alone' | 'halves' | 'give up';

/** After a failed request for some lines: one of them may be the reason. */
function nextStep(error: unknown, lines: number, canWait: boolean): NextStep {
  const code = isMillraceError(error) ? error.code : undefined;
  if (code === undefined) return 'give up';
  if (passing.has(code)) return canWait ? 'wait' : 'give up';
  if (lines === 1) return 'give up';
  if (ofOneRow.has(code)) return 'each alone';
  // A run costs more than a look at a row, so that the halves find the line and not each alone.
  return code === 'SERVING_SESSION_FAILED' ? 'halves' : 'give up';
}

export const errorAnswer = (line: number, error: unknown): LineAnswer =>
  isMillraceError(error)
    ? { line, error: error.message.replaceAll('instances[0]', 'instance'), code: error.code }
    : { line, error: `Line ${line} failed unexpectedly: ${messageOf(error)}`, code: 'INTERNAL' };
