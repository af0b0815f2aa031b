import type { MillraceClient } from '../../src/index.ts';
import type { FlightEvent } from './flight-event.ts';
import type { Predictor } from './predictor.ts';
import { tell, type RunState } from './run-state.ts';

const LEAD_MS = 30 * 60_000;
const ERRORS_TOLD = 5;

interface Ask {
  readonly asOf: number;
  readonly flight: Readonly<Record<string, unknown>>;
}

export interface LiveOptions {
  readonly stepMs: number;
  /** Resolves when the clock may move on; used while a model is being trained. */
  readonly mayMove: () => Promise<void>;
  readonly signal: AbortSignal;
}

/**
 * Moves event time in steps: at each step everything known by then is sent and waited for, then every
 * flight whose decision time lies in the step is asked for. A prediction so never sees an event of its
 * future, and at most one step is missing; how fast the steps follow one another changes nothing.
 */
export async function replayLive(
  millrace: MillraceClient,
  predictor: Predictor,
  events: AsyncIterable<FlightEvent>,
  state: RunState,
  options: LiveOptions,
): Promise<void> {
  const asks: Ask[] = [];
  let pending: FlightEvent[] = [];
  let stepAt: number | null = null;

  const runStep = async (at: number): Promise<void> => {
    const next = at + options.stepMs;
    const first = asks[0];
    if (first === undefined || first.asOf >= next) return;
    await options.mayMove();
    if (options.signal.aborted) return;
    await send();
    let due = 0;
    while (due < asks.length && (asks[due] as Ask).asOf < next) due++;
    await Promise.all(asks.splice(0, due).map((ask) => askFor(ask)));
    state.clock = at;
  };
  const send = async (): Promise<void> => {
    if (pending.length === 0) return;
    const batch = pending;
    pending = [];
    const sentAt = performance.now();
    const positions = await millrace.replay(batch);
    state.eventsSent += batch.length;
    await millrace.waitVisible(positions);
    state.freshness.add(performance.now() - sentAt);
  };
  const askFor = async (ask: Ask): Promise<void> => {
    try {
      await predictor.predict(ask.flight, ask.asOf);
      state.predictions++;
    } catch (error) {
      state.predictionErrors++;
      if (state.predictionErrors <= ERRORS_TOLD) tell(state, error instanceof Error ? error.message : String(error));
    }
  };

  for await (const event of events) {
    if (options.signal.aborted) return;
    stepAt ??= Math.floor(event.knownTime / options.stepMs) * options.stepMs + options.stepMs;
    // Events known after the step's moment belong to a later one.
    while (event.knownTime > stepAt) {
      await runStep(stepAt);
      stepAt += options.stepMs;
    }
    pending.push(event);
    if (event.source === 'flight_scheduled') {
      asks.push({ asOf: event.payload.scheduledAt - LEAD_MS, flight: event.payload });
    }
  }
  for (let at = stepAt ?? 0; asks.length > 0 && !options.signal.aborted; at += options.stepMs) await runStep(at);
  // What became known after the last flight was asked for, arrivals mostly.
  const newest = pending.at(-1);
  await send();
  if (newest !== undefined) state.clock = newest.knownTime;
}
