import type { MillraceClient } from '../../src/index.ts';
import type { FlightEvent } from './flight-event.ts';
import type { RunState } from './run-state.ts';

const CHUNK_EVENTS = 2_000;
/** Chunks that may be on their way before the first of them must be visible: bounds the lag. */
const CHUNKS_AHEAD = 20;

/** Sends history as fast as the pipeline takes it, and returns once all of it can be read. */
export async function replayHistory(
  millrace: MillraceClient,
  events: AsyncIterable<FlightEvent>,
  state: RunState,
): Promise<void> {
  const sent: Awaited<ReturnType<MillraceClient['replay']>>[] = [];
  let chunk: FlightEvent[] = [];
  const flush = async (): Promise<void> => {
    if (chunk.length === 0) return;
    sent.push(await millrace.replay(chunk));
    state.eventsSent += chunk.length;
    state.clock = chunk.at(-1)?.knownTime ?? state.clock;
    chunk = [];
    const due = sent.length - CHUNKS_AHEAD;
    if (due > 0) await millrace.waitVisible(sent[due - 1] ?? []);
  };
  for await (const event of events) {
    chunk.push(event);
    if (chunk.length === CHUNK_EVENTS) await flush();
  }
  await flush();
  // Every topic's last offset: a chunk holds only the sources that it has events of.
  for (const positions of sent.slice(-CHUNKS_AHEAD)) await millrace.waitVisible(positions);
}
