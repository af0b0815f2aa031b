import type { FlightEvent, FlightFacts, FlightSource, Weather } from './flight-event.ts';
import { readFlightTable, type FlightTable } from './flight-table.ts';
import { newYorkMonthStart } from './new-york-time.ts';
import { readWeatherTable } from './weather-table.ts';

export type { FlightEvent } from './flight-event.ts';

const minuteMs = 60_000;
/** A flight becomes known this long before its scheduled departure. */
export const scheduleLeadMs = 180 * minuteMs;
/** A weather observation becomes known this long after its hour. */
export const weatherDelayMs = 10 * minuteMs;
/** A flight that arrives more than this late is late: the label. */
export const lateMinutes = 15;

/** Alphabetical: at one known time, events come in the order of their sources' names, then of their ids. */
const sources = [
  'flight_arrived',
  'flight_cancelled',
  'flight_departed',
  'flight_scheduled',
  'weather',
] as const satisfies readonly FlightSource[];
const sourceRanksMax = 8;
/** More rows than any table has; known minute, source and row share one exact double. */
const rowsMax = 2 ** 19;
const sortEpoch = Date.UTC(2012, 11, 31);

/**
 * The events of 2013 in order of known time, ties by source name and then id.
 *
 * A month holds what became known in it (New York's calendar), so that the ranges 1-3 and 4-12 together are
 * exactly 1-12, in order; what became known before January or after December belongs to those two. The
 * whole year is 1,027,730 events; they are made as they are asked for.
 */
export async function* readFlightEvents(
  options: { fromMonth?: number; toMonth?: number } = {},
): AsyncGenerator<FlightEvent, void, undefined> {
  const { fromMonth = 1, toMonth = 12 } = options;
  if (!isMonth(fromMonth) || !isMonth(toMonth) || fromMonth > toMonth) {
    throw new RangeError(
      `Flight events: expected 1 <= fromMonth <= toMonth <= 12, found ${fromMonth} and ${toMonth}. Give whole months of 2013.`,
    );
  }
  // A flight is published hours before, and may arrive a day after, its month of scheduled departure.
  const flights = readFlightTable(Math.max(1, fromMonth - 1), Math.min(12, toMonth + 1));
  const weather = readWeatherTable();
  const from = fromMonth === 1 ? -Infinity : newYorkMonthStart(fromMonth);
  const before = toMonth === 12 ? Infinity : newYorkMonthStart(toMonth + 1);
  for (const key of orderedKeys(flights, weather, from, before)) {
    const row = key % rowsMax;
    const sourceAndMinute = Math.floor(key / rowsMax);
    const source = sources[sourceAndMinute % sourceRanksMax] as FlightSource;
    const knownTime = Math.floor(sourceAndMinute / sourceRanksMax) * minuteMs + sortEpoch;
    yield source === 'weather'
      ? weatherEvent(weather[row] as Weather, knownTime)
      : flightEvent(flights, row, source, knownTime);
  }
}

const isMonth = (month: number): boolean => Number.isInteger(month) && month >= 1 && month <= 12;

/** One number per event, ascending; rows are in the order of ids, so sorting numbers sorts ties by id. */
function orderedKeys(
  flights: FlightTable,
  weather: readonly Weather[],
  from: number,
  before: number,
): Float64Array {
  // Scheduled, then departed and arrived or cancelled: three events a flight at most.
  const keys = new Float64Array(flights.rowCount * 3 + weather.length);
  let count = 0;
  const add = (rank: number, known: number, row: number): void => {
    if (!(known >= from && known < before)) return;
    keys[count] = (((known - sortEpoch) / minuteMs) * sourceRanksMax + rank) * rowsMax + row;
    count += 1;
  };
  for (let row = 0; row < flights.rowCount; row += 1) {
    const scheduledAt = flights.scheduledAt[row] as number;
    const departedAt = flights.departedAt[row] as number;
    add(sources.indexOf('flight_scheduled'), scheduledAt - scheduleLeadMs, row);
    if (Number.isNaN(departedAt)) add(sources.indexOf('flight_cancelled'), scheduledAt, row);
    else add(sources.indexOf('flight_departed'), departedAt, row);
    add(sources.indexOf('flight_arrived'), flights.arrivedAt[row] as number, row);
  }
  for (const [row, hour] of weather.entries()) {
    add(sources.indexOf('weather'), hour.observedAt + weatherDelayMs, row);
  }
  return keys.subarray(0, count).sort();
}

function weatherEvent(payload: Weather, knownTime: number): FlightEvent {
  return { source: 'weather', knownTime, id: payload.eventId, payload };
}

function flightEvent(
  flights: FlightTable,
  row: number,
  source: Exclude<FlightSource, 'weather'>,
  knownTime: number,
): FlightEvent {
  const payload = factsOf(flights, row, source);
  const id = payload.eventId;
  // The source's own fields are added to the one object: spreading it a million times takes seconds.
  switch (source) {
    case 'flight_scheduled': {
      const flightNumber = flights.flightNumber[row] as number;
      const distance = flights.distance[row] as number;
      return {
        source,
        knownTime,
        id,
        payload: Object.assign(payload, { publishedAt: knownTime, flightNumber, distance }),
      };
    }
    case 'flight_departed': {
      const depDelay = flights.depDelay[row] as number;
      return { source, knownTime, id, payload: Object.assign(payload, { departedAt: knownTime, depDelay }) };
    }
    case 'flight_arrived': {
      const arrDelay = nullIfNaN(flights.arrDelay[row] as number);
      const late = arrDelay === null ? null : arrDelay > lateMinutes;
      const airTime = nullIfNaN(flights.airTime[row] as number);
      return {
        source,
        knownTime,
        id,
        payload: Object.assign(payload, { arrivedAt: knownTime, arrDelay, late, airTime }),
      };
    }
    case 'flight_cancelled':
      return { source, knownTime, id, payload: Object.assign(payload, { cancelledAt: knownTime }) };
  }
}

function factsOf(flights: FlightTable, row: number, source: FlightSource): FlightFacts {
  const flightId = flights.flightId[row] as string;
  return {
    eventId: `${source}/${flightId}`,
    flightId,
    scheduledAt: flights.scheduledAt[row] as number,
    scheduledArrivalAt: flights.scheduledArrivalAt[row] as number,
    carrier: flights.carrier[row] as string,
    flightCode: flights.flightCode[row] as string,
    tailNumber: flights.tailNumber[row] || null,
    origin: flights.origin[row] as string,
    dest: flights.dest[row] as string,
    route: flights.route[row] as string,
    carrierOrigin: flights.carrierOrigin[row] as string,
  };
}

const nullIfNaN = (value: number): number | null => (Number.isNaN(value) ? null : value);
