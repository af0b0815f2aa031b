import { expect, it } from 'vitest';
import type { FlightEvent } from '../../../../examples/flights/flight-event.ts';
import { readFlightEvents } from '../../../../examples/flights/flight-events.ts';
import type { Predictor } from '../../../../examples/flights/predictor.ts';
import { replayLive } from '../../../../examples/flights/replay-live.ts';
import { createRunState } from '../../../../examples/flights/run-state.ts';
import type { MillraceClient } from '../../../../src/index.ts';

const STEP_MS = 15 * 60_000;
const LEAD_MS = 30 * 60_000;

async function firstEvents(count: number): Promise<FlightEvent[]> {
  const events: FlightEvent[] = [];
  for await (const event of readFlightEvents()) if (events.push(event) === count) break;
  return events;
}

it('asks for each flight once all that is known by then was sent, and ends with its clock at the newest event', async () => {
  const events = await firstEvents(400);
  const sent: FlightEvent[] = [];
  const asked: { asOf: number; sentBefore: number }[] = [];
  const millrace = { replay: (batch: FlightEvent[]) => Promise.resolve(void sent.push(...batch)), waitVisible: () => Promise.resolve() } as unknown as MillraceClient;
  const predictor = { predict: (_flight: unknown, asOf: number) => Promise.resolve(void asked.push({ asOf, sentBefore: sent.length })) } as unknown as Predictor;
  const state = createRunState(0);
  const options = { stepMs: STEP_MS, mayMove: () => Promise.resolve(), signal: new AbortController().signal };
  await replayLive(millrace, predictor, ReadableStream.from(events), state, options);

  expect(sent).toEqual(events);
  const scheduled = events.flatMap((event) => (event.source === 'flight_scheduled' ? [event.payload.scheduledAt - LEAD_MS] : []));
  expect(asked.map(({ asOf }) => asOf).sort((a, b) => a - b)).toEqual(scheduled.sort((a, b) => a - b));
  for (const { asOf, sentBefore } of asked) {
    expect(sent.slice(0, sentBefore).every(({ knownTime }) => knownTime <= asOf)).toBe(true);
    expect(sent.slice(sentBefore).every(({ knownTime }) => knownTime > asOf - STEP_MS)).toBe(true);
  }
  expect(state.clock).toBeGreaterThanOrEqual(events.at(-1)!.knownTime);
});

it('what becomes known after the last flight moves the clock too', async () => {
  const events = await firstEvents(3_000);
  const flight = events.find((event) => event.source === 'flight_scheduled')!;
  const landed = events.find((event) => event.source === 'flight_arrived' && event.payload.flightId === flight.payload.flightId)!;
  const millrace = { replay: () => Promise.resolve(), waitVisible: () => Promise.resolve() } as unknown as MillraceClient;
  const predictor = { predict: () => Promise.resolve() } as unknown as Predictor;
  const state = createRunState(0);
  await replayLive(millrace, predictor, ReadableStream.from([flight, landed]), state, { stepMs: STEP_MS, mayMove: () => Promise.resolve(), signal: new AbortController().signal });
  expect(state.clock).toBe(landed.knownTime);
  expect([state.predictions, state.eventsSent]).toEqual([1, 2]);
});
