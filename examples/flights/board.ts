import type { LatencyWindow } from './latency-window.ts';
import type { RunState } from './run-state.ts';

const REDRAW_MS = 500;
const PLAIN_EVERY_MS = 10_000;
const NEWS_LINES = 8;
const BAR_WIDTH = 32;

export interface BoardFacts {
  readonly state: RunState;
  readonly latencies: LatencyWindow;
  /** Event time at which the replay ends, ms since the epoch. */
  readonly endsAt: number;
  readonly now: () => number;
}

export interface Board {
  stop(): void;
}

/** Draws the run: in place on a terminal, else a line every ten seconds and every piece of news once. */
export function startBoard(out: NodeJS.WriteStream, facts: BoardFacts): Board {
  const board = out.isTTY ? drawInPlace(out, facts) : printLines(out, facts);
  let stopped = false;
  return {
    stop() {
      // A second last drawing would go over what was printed since.
      if (!stopped) board.stop();
      stopped = true;
    },
  };
}

function drawInPlace(out: NodeJS.WriteStream, facts: BoardFacts): Board {
  const rates = createRates(facts);
  let drawn = 0;
  const draw = (): void => {
    const width = out.columns;
    const lines = boardLines(facts, rates()).map((line) => line.slice(0, width));
    out.write(`${drawn > 0 ? `\u001b[${drawn}A` : ''}${lines.map((line) => `\u001b[2K${line}\n`).join('')}`);
    drawn = lines.length;
  };
  const timer = setInterval(draw, REDRAW_MS);
  return {
    stop() {
      clearInterval(timer);
      draw();
    },
  };
}

function printLines(out: NodeJS.WriteStream, facts: BoardFacts): Board {
  const rates = createRates(facts);
  let told = 0;
  let printedAt = 0;
  const print = (): void => {
    for (; told < facts.state.news.length; told++) out.write(`${facts.state.news[told]}\n`);
    if (facts.now() - printedAt < PLAIN_EVERY_MS) return;
    printedAt = facts.now();
    out.write(`${boardLines(facts, rates()).slice(0, 4).join(' | ')}\n`);
  };
  const timer = setInterval(print, REDRAW_MS);
  return {
    stop() {
      clearInterval(timer);
      printedAt = 0;
      print();
    },
  };
}

interface Rates {
  readonly events: number;
  readonly predictions: number;
}

/** Rates since the last call, so that a pause shows as a pause. */
function createRates(facts: BoardFacts): () => Rates {
  let before = { at: facts.now(), events: 0, predictions: 0 };
  return () => {
    const { eventsSent: events, predictions } = facts.state;
    const now = { at: facts.now(), events, predictions };
    const seconds = Math.max(0.001, (now.at - before.at) / 1_000);
    const rates = {
      events: (now.events - before.events) / seconds,
      predictions: (now.predictions - before.predictions) / seconds,
    };
    before = now;
    return rates;
  };
}

function boardLines(facts: BoardFacts, rates: Rates): string[] {
  const { state, latencies } = facts;
  const allocation = state.lifecycle?.allocation ?? null;
  const fresh = (q: number): string => state.freshness.quantile(q)?.toFixed(0) ?? '-';
  const p = (q: number): string => latencies.quantile(q)?.toFixed(1) ?? '-';
  return [
    `${elapsed(facts.now() - state.startedAt)}  ${state.phase}${state.holding === null ? '' : `  (clock held: ${state.holding})`}`,
    `event time  ${state.clock === null ? '-' : new Date(state.clock).toISOString().slice(0, 16).replace('T', ' ')}  ${bar(state.clock, facts.endsAt)}`,
    `events      ${count(state.eventsSent)} sent, ${count(rates.events)}/s; visible after ms p50 ${fresh(0.5)}  p99 ${fresh(0.99)}`,
    `predictions ${count(state.predictions)} answered, ${count(rates.predictions)}/s, ${state.predictionErrors} failed, ${state.predictionRetries} asked again; ms p50 ${p(0.5)}  p95 ${p(0.95)}  p99 ${p(0.99)}`,
    `model       champion ${allocation?.champion ?? '-'}  canary ${
      allocation?.canary ? `${allocation.canary.version} at ${Math.round(allocation.canary.share * 100)} %` : '-'
    }  shadow ${allocation?.shadow ?? '-'}  lifecycle ${state.lifecycle?.phase ?? '-'}`,
    '',
    ...newest(state.news),
  ];
}

/** Always the same number of lines, so that the drawing stays in place. */
function newest(news: readonly string[]): string[] {
  const shown = news.slice(-NEWS_LINES);
  return [...shown, ...Array<string>(NEWS_LINES - shown.length).fill('')];
}

function bar(clock: number | null, endsAt: number): string {
  const year = Date.UTC(2013, 0, 1);
  const share = clock === null ? 0 : Math.min(1, Math.max(0, (clock - year) / (endsAt - year)));
  const full = Math.round(share * BAR_WIDTH);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_WIDTH - full)}] ${Math.round(share * 100)} %`;
}

const count = (n: number): string => Math.round(n).toLocaleString('en-US');

function elapsed(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  return `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
}
