import type { LifecycleState } from '../../src/index.ts';
import { LatencyWindow } from './latency-window.ts';

/** What the main job knows of itself while it runs; the board draws it. */
export interface RunState {
  phase: string;
  startedAt: number;
  /** Event time that has been reached, ms since the epoch; null before the first event. */
  clock: number | null;
  eventsSent: number;
  predictions: number;
  predictionErrors: number;
  /** Answers that were asked for again; a flight may count several times. */
  predictionRetries: number;
  /** Why the clock stands still, or null while it moves. */
  holding: string | null;
  lifecycle: LifecycleState | null;
  /** From sending events to seeing them in Redis, milliseconds. */
  readonly freshness: LatencyWindow;
  /** Newest last. */
  readonly news: string[];
  /** Hears each piece of news as it comes, once the board is gone. */
  onNews: ((line: string) => void) | null;
}

const NEWS_MAX = 200;

export function createRunState(now: number): RunState {
  return {
    phase: 'starting',
    startedAt: now,
    clock: null,
    eventsSent: 0,
    predictions: 0,
    predictionErrors: 0,
    predictionRetries: 0,
    holding: null,
    lifecycle: null,
    freshness: new LatencyWindow(),
    news: [],
    onNews: null,
  };
}

export function tell(state: RunState, line: string): void {
  state.news.push(line);
  state.onNews?.(line);
  if (state.news.length > NEWS_MAX) state.news.shift();
}
