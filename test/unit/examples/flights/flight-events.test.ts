import { describe, expect, it } from 'vitest';
import type { FlightEvent } from '../../../../examples/flights/flight-event.ts';
import { readFlightEvents } from '../../../../examples/flights/flight-events.ts';
import { newYorkMonth, newYorkMonthStart } from '../../../../examples/flights/new-york-time.ts';

const minuteMs = 60_000;

/** One pass over the year, so that the file stays fast: every event is looked at, few are kept. */
async function surveyYear() {
  const counts = {
    flight_arrived: 0,
    flight_cancelled: 0,
    flight_departed: 0,
    flight_scheduled: 0,
    weather: 0,
  };
  const labelled = new Array<number>(13).fill(0);
  const late = new Array<number>(13).fill(0);
  const scheduled = new Set<string>();
  const departedAt = new Map<string, number>();
  const problems: string[] = [];
  let previous: FlightEvent | undefined;
  const expectThat = (holds: boolean, problem: string, event: FlightEvent) => {
    if (!holds && problems.length < 10) problems.push(`${problem}: ${event.id}`);
  };
  for await (const event of readFlightEvents()) {
    counts[event.source] += 1;
    expectThat(previous === undefined || isOrdered(previous, event), 'out of order', event);
    expectThat(event.id === event.payload.eventId, 'two ids', event);
    previous = event;
    if (event.source === 'weather') {
      expectThat(event.knownTime === event.payload.observedAt + 10 * minuteMs, 'weather known at', event);
      continue;
    }
    const { flightId, scheduledAt, scheduledArrivalAt } = event.payload;
    expectThat(scheduledArrivalAt > scheduledAt, 'scheduled to arrive before it leaves', event);
    if (event.source === 'flight_scheduled') {
      expectThat(!scheduled.has(flightId), 'scheduled twice', event);
      expectThat(event.knownTime === scheduledAt - 180 * minuteMs, 'scheduled known at', event);
      scheduled.add(flightId);
      continue;
    }
    expectThat(scheduled.has(flightId), 'not scheduled before', event);
    if (event.source === 'flight_departed') {
      departedAt.set(flightId, event.knownTime);
      expectThat(event.knownTime === scheduledAt + event.payload.depDelay * minuteMs, 'departed at', event);
    } else if (event.source === 'flight_arrived') {
      expectThat((departedAt.get(flightId) ?? Infinity) < event.knownTime, 'arrived before it left', event);
      const { arrDelay } = event.payload;
      expectThat((event.payload.late === null) === (arrDelay === null), 'label without delay', event);
      if (arrDelay === null) continue;
      expectThat(event.knownTime === scheduledArrivalAt + arrDelay * minuteMs, 'arrived at', event);
      const month = newYorkMonth(scheduledAt);
      labelled[month] = (labelled[month] as number) + 1;
      if (event.payload.late === true) late[month] = (late[month] as number) + 1;
    } else expectThat(!departedAt.has(flightId), 'cancelled after it left', event);
  }
  return { counts, labelled, late, problems };
}

function isOrdered(before: FlightEvent, after: FlightEvent): boolean {
  if (before.knownTime !== after.knownTime) return before.knownTime < after.knownTime;
  if (before.source !== after.source) return before.source < after.source;
  return before.id < after.id;
}

async function collect(fromMonth: number, toMonth: number): Promise<FlightEvent[]> {
  const events: FlightEvent[] = [];
  for await (const event of readFlightEvents({ fromMonth, toMonth })) events.push(event);
  return events;
}

describe('the flight events of 2013', () => {
  const year = surveyYear();

  it('are every flight and every hour of weather of the source', async () => {
    const { counts } = await year;
    expect(counts).toEqual({
      flight_scheduled: 336_776,
      flight_departed: 328_521,
      flight_cancelled: 8_255,
      flight_arrived: 327_346 + 717,
      weather: 26_115,
    });
  });

  it('come in order of known time, and no flight arrives before it leaves', async () => {
    expect((await year).problems).toEqual([]);
  });

  it('have the labels of the source in each month of scheduled departure', async () => {
    const { labelled, late } = await year;
    // Counted in the source's own table: arr_delay present, and above 15, by its column month.
    expect(labelled.slice(1)).toEqual([
      26_398, 23_611, 27_902, 27_564, 28_128, 27_075, 28_293, 28_756, 27_010, 28_618, 26_971, 27_020,
    ]);
    expect(late.slice(1)).toEqual([
      6_001, 5_418, 6_374, 7_700, 6_178, 8_340, 8_902, 6_852, 3_575, 4_798, 4_680, 8_812,
    ]);
  });

  it('of adjoining ranges of months are the events of the whole range', async () => {
    const parts = [...(await collect(10, 10)), ...(await collect(11, 11))];
    const whole = await collect(10, 11);
    expect(parts.length).toBe(whole.length);
    expect(parts.findIndex((event, index) => event.id !== whole[index]?.id)).toBe(-1);
    expect(whole[0]?.knownTime).toBeGreaterThanOrEqual(newYorkMonthStart(10));
    expect(whole.at(-1)?.knownTime).toBeLessThan(newYorkMonthStart(12));
  });

  it('carry what a known flight was scheduled to do', async () => {
    for await (const event of readFlightEvents({ fromMonth: 1, toMonth: 1 })) {
      if (event.id !== 'flight_scheduled/20130101T1015Z-EWR-UA1545') continue;
      // The source's first row: 05:15 in Newark to 08:19 in Houston.
      expect(event.payload).toMatchObject({
        flightId: '20130101T1015Z-EWR-UA1545',
        scheduledAt: Date.UTC(2013, 0, 1, 10, 15),
        publishedAt: Date.UTC(2013, 0, 1, 7, 15),
        scheduledArrivalAt: Date.UTC(2013, 0, 1, 14, 19),
        tailNumber: 'N14228',
        route: 'EWR-IAH',
        carrierOrigin: 'UA-EWR',
        flightCode: 'UA1545',
        flightNumber: 1545,
        distance: 1400,
      });
      return;
    }
    expect.unreachable('the first flight of the year is missing');
  });

  it('refuse a range that is not whole months of 2013', async () => {
    await expect(collect(4, 3)).rejects.toThrow('expected 1 <= fromMonth <= toMonth <= 12, found 4 and 3');
    await expect(collect(0, 3)).rejects.toThrow(RangeError);
    await expect(collect(1, 1.5)).rejects.toThrow(RangeError);
  });
});
