import type { FlightEvent } from './flight-event.ts';
import { readFlightEvents } from './flight-events.ts';

/** Whole weeks, so that weekdays stay: the Tuesday of a year later. */
const YEAR_MS = 52 * 7 * 86_400_000;
const LAST_MONTH = 12;

/**
 * What comes after a run that ended with `toMonth`: the months that are left of 2013, then, again and again, the same
 * year dated 52 weeks later. Only events known after `after`, ms since the epoch: the two years overlap by a day.
 */
export async function* laterEvents(toMonth: number, after: number): AsyncGenerator<FlightEvent, void, undefined> {
  if (toMonth < LAST_MONTH) yield* readFlightEvents({ fromMonth: toMonth + 1 });
  for (let year = 1; ; year++) {
    for await (const event of readFlightEvents()) {
      const later = yearsLater(event, year);
      if (later.knownTime > after + (year - 1) * YEAR_MS) yield later;
    }
  }
}

/** The event as it would come so many years later: other ids, every instant moved. */
export function yearsLater(event: FlightEvent, years: number): FlightEvent {
  const payload = Object.fromEntries(
    Object.entries(event.payload).map(([field, value]) => [field, moved(field, value, years)]),
  );
  const id = payload['eventId'] as string;
  return { ...event, id, knownTime: event.knownTime + years * YEAR_MS, payload } as FlightEvent;
}

function moved(field: string, value: string | number | boolean | null, years: number): typeof value {
  if (typeof value === 'number' && field.endsWith('At')) return value + years * YEAR_MS;
  return field === 'eventId' || field === 'flightId' ? `${String(value)}+${years}y` : value;
}
