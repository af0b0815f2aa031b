import { MillraceError } from '../../src/core/millrace-error.ts';
import { errorAnswer, scoreLines, type ScoreLinesOptions } from './score-lines.ts';
import { splitLines, type Line } from './split-lines.ts';

export interface AnswerStreamOptions extends ScoreLinesOptions {
  /** Lines that may be read and not yet taken by the reader of the answers. */
  readonly linesMax: number;
  /** How long the sender may send nothing while nothing is in hand, and the reader take nothing. */
  readonly idleMs: number;
  /** Whether the process is going to end: then no more is read. */
  readonly isRetiring: () => boolean;
  /** Ends the connection: its reader has stopped. */
  readonly abort: (reason: MillraceError) => void;
}

/** Lines that are scored by one request to the data plane. */
const GROUP_LINES_MAX = 64;
const RETIRING_LOOK_MS = 100;

interface Group {
  readonly count: number;
  readonly text: Promise<string>;
}

/**
 * Answers NDJSON with NDJSON, in order. Reads on only while fewer than `linesMax` lines are in hand, answers that nobody has
 * taken yet included: a slow reader, or a full queue of the model, slows down the sender. An end before the last line is a last line
 * with `end`, and the number of the first line without an answer.
 */
export async function* answerStream(body: AsyncIterable<Buffer>, options: AnswerStreamOptions): AsyncGenerator<string, void> {
  const groupMax = Math.min(GROUP_LINES_MAX, options.linesMax);
  const input = splitLines(body, options.lineBytesMax, groupMax);
  const groups: Group[] = [];
  let inHand = 0;
  let read = 0;
  let next: Promise<IteratorResult<readonly Line[], void>> | undefined = input.next();
  // It is looked at when it is its turn; until then a failure is not unhandled.
  next.catch(() => undefined);
  try {
    for (;;) {
      if (next === undefined && groups.length === 0) return;
      const mayRead = next !== undefined && inHand + groupMax <= options.linesMax;
      const event = await firstOf(mayRead ? next : undefined, groups[0]?.text, groups.length === 0 ? options : undefined);
      if (event.kind === 'ended') {
        yield `${JSON.stringify({ ...errorAnswer(read + 1, event.error), end: true })}\n`;
        return;
      }
      if (event.kind === 'lines') {
        const { done, value } = event.result;
        next = done === true || options.isRetiring() || options.signal.aborted ? undefined : input.next();
        next?.catch(() => undefined);
        if (done !== true) {
          groups.push({ count: value.length, text: answersOf(value, options) });
          inHand += value.length;
          read = value.at(-1)?.number ?? read;
          if (next === undefined) groups.push({ count: 0, text: Promise.resolve(endOf(read + 1, options)) });
        }
      } else {
        const { count } = groups.shift() as Group;
        yield* taken(event.text, options);
        inHand -= count;
      }
    }
  } finally {
    // Of what is in hand nobody wants the answers any more; reading stops when the body is closed.
    void input.return();
  }
}

type Event =
  | { readonly kind: 'lines'; readonly result: IteratorResult<readonly Line[], void> }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'ended'; readonly error: MillraceError };

async function firstOf(
  lines: Promise<IteratorResult<readonly Line[], void>> | undefined,
  text: Promise<string> | undefined,
  idle: AnswerStreamOptions | undefined,
): Promise<Event> {
  const events: Promise<Event>[] = [];
  if (text !== undefined) events.push(text.then((found) => ({ kind: 'text', text: found })));
  if (lines !== undefined) events.push(lines.then((result) => ({ kind: 'lines', result })));
  if (idle === undefined) return Promise.race(events);
  const waiting = new AbortController();
  events.push(whenIdle(idle, waiting.signal));
  return Promise.race(events).finally(() => waiting.abort());
}

/** Resolves once the sender was silent for too long, or the process is going to end. */
function whenIdle({ idleMs, isRetiring }: AnswerStreamOptions, signal: AbortSignal): Promise<Event> {
  return new Promise((resolve) => {
    const giveUpAt = performance.now() + idleMs;
    const timer = setInterval(() => {
      if (isRetiring()) resolve({ kind: 'ended', error: draining() });
      else if (performance.now() >= giveUpAt) resolve({ kind: 'ended', error: idleError(`no line came for ${idleMs} ms`) });
    }, Math.min(RETIRING_LOOK_MS, idleMs));
    signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  });
}

async function answersOf(lines: readonly Line[], options: AnswerStreamOptions): Promise<string> {
  const answers = await scoreLines(lines, options);
  return answers.map((answer) => `${JSON.stringify(answer)}\n`).join('');
}

const endOf = (line: number, { signal }: AnswerStreamOptions): string => (signal.aborted ? '' : `${JSON.stringify({ ...errorAnswer(line, draining()), end: true })}\n`);

/** Gives a text, and gives up on a reader that does not come back for the next. */
async function* taken(text: string, { idleMs, abort }: AnswerStreamOptions): AsyncGenerator<string, void> {
  const limit = setTimeout(() => abort(idleError(`no answer was taken for ${idleMs} ms`)), idleMs);
  try {
    if (text !== '') yield text;
  } finally {
    clearTimeout(limit);
  }
}

const draining = (): MillraceError => new MillraceError('SERVING_DRAINING', 'This serving process is shutting down. Send the rest, from this line on, to another one.');
const idleError = (what: string): MillraceError => new MillraceError('SERVING_BULK_IDLE', `Bulk prediction was given up: ${what}. Send and read without such pauses, or in several requests.`);
