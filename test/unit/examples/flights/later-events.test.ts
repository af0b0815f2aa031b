import { expect, it } from 'vitest';
import type { FlightEvent } from '../../../../examples/flights/flight-event.ts';
import { readFlightEvents } from '../../../../examples/flights/flight-events.ts';
import { laterEvents, yearsLater } from '../../../../examples/flights/later-events.ts';

async function take(events: AsyncIterable<FlightEvent>, count: number): Promise<FlightEvent[]> {
  const taken: FlightEvent[] = [];
  for await (const event of events) {
    taken.push(event);
    if (taken.length === count) break;
  }
  return taken;
}

it('goes on with the months that are left', async () => {
  expect(await take(laterEvents(11, 0), 50)).toEqual(await take(readFlightEvents({ fromMonth: 12 }), 50));
});

it('then brings the year again, on the same weekdays, under other ids, and nothing of the past', async () => {
  const after = Date.UTC(2014, 0, 1);
  const [first] = await take(laterEvents(12, after), 1);
  expect(first?.knownTime).toBeGreaterThan(after);
  expect(first?.id).toMatch(/\+1y$/);

  const [event] = await take(readFlightEvents(), 1);
  const later = yearsLater(event as FlightEvent, 2);
  const days = (later.knownTime - (event as FlightEvent).knownTime) / 86_400_000;
  expect(days % 7).toBe(0);
  expect(later.payload.eventId).toBe(later.id);
  const times = Object.entries(later.payload).filter(([field]) => field.endsWith('At'));
  expect(times.length).toBeGreaterThan(0);
  const before = (event as FlightEvent).payload as Readonly<Record<string, unknown>>;
  for (const [field, value] of times) expect(((value as number) - (before[field] as number)) / 86_400_000).toBe(days);
});
