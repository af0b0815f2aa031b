import { readDataTable } from './data-table.ts';

const minuteMs = 60_000;
/** Instants in the data files are minutes since this one. */
const dataEpoch = Date.UTC(2013, 0, 1);

/** The flights of some months as columns, in the order of their ids. Times in milliseconds, delays in minutes. */
export interface FlightTable {
  readonly rowCount: number;
  readonly flightId: readonly string[];
  readonly origin: readonly string[];
  readonly dest: readonly string[];
  readonly carrier: readonly string[];
  readonly flightCode: readonly string[];
  /** Empty where the source does not know the aircraft. */
  readonly tailNumber: readonly string[];
  readonly route: readonly string[];
  readonly carrierOrigin: readonly string[];
  readonly flightNumber: Float64Array;
  readonly distance: Float64Array;
  readonly scheduledAt: Float64Array;
  readonly scheduledArrivalAt: Float64Array;
  /** NaN for a cancelled flight. */
  readonly departedAt: Float64Array;
  readonly depDelay: Float64Array;
  /** NaN for a flight that was cancelled, or diverted and never reported to have reached its destination. */
  readonly arrivedAt: Float64Array;
  /** NaN for a flight without arrival and for a diverted one. */
  readonly arrDelay: Float64Array;
  readonly airTime: Float64Array;
}

/** Reads the files of the months `fromMonth` to `toMonth` (1 to 12, by scheduled departure in New York). */
export function readFlightTable(fromMonth: number, toMonth: number): FlightTable {
  const months: FlightTable[] = [];
  for (let month = fromMonth; month <= toMonth; month += 1) months.push(readMonth(month));
  const texts = (pick: (table: FlightTable) => readonly string[]): string[] => months.flatMap(pick);
  const numbers = (pick: (table: FlightTable) => Float64Array): Float64Array => concat(months.map(pick));
  return {
    rowCount: months.reduce((sum, table) => sum + table.rowCount, 0),
    flightId: texts((table) => table.flightId),
    origin: texts((table) => table.origin),
    dest: texts((table) => table.dest),
    carrier: texts((table) => table.carrier),
    flightCode: texts((table) => table.flightCode),
    tailNumber: texts((table) => table.tailNumber),
    route: texts((table) => table.route),
    carrierOrigin: texts((table) => table.carrierOrigin),
    flightNumber: numbers((table) => table.flightNumber),
    distance: numbers((table) => table.distance),
    scheduledAt: numbers((table) => table.scheduledAt),
    scheduledArrivalAt: numbers((table) => table.scheduledArrivalAt),
    departedAt: numbers((table) => table.departedAt),
    depDelay: numbers((table) => table.depDelay),
    arrivedAt: numbers((table) => table.arrivedAt),
    arrDelay: numbers((table) => table.arrDelay),
    airTime: numbers((table) => table.airTime),
  };
}

function readMonth(month: number): FlightTable {
  const name = `flights-2013-${String(month).padStart(2, '0')}.csv.gz`;
  const data = readDataTable(new URL(`data/${name}`, import.meta.url));
  const origin = data.texts('origin');
  const dest = data.texts('destination');
  const carrier = data.texts('carrier');
  const flightCode = joinPairs(carrier, '', data.texts('flight_number'));
  const scheduledAt = data.numbers('scheduled_departure').map((minute) => dataEpoch + minute * minuteMs);
  const plusMinutes = (from: Float64Array, minutes: Float64Array): Float64Array =>
    from.map((instant, row) => instant + (minutes[row] as number) * minuteMs);
  const scheduledArrivalAt = plusMinutes(scheduledAt, data.numbers('scheduled_duration'));
  const depDelay = data.numbers('departure_delay');
  const departedAt = plusMinutes(scheduledAt, depDelay);
  const arrDelay = data.numbers('arrival_delay');
  const divertedAt = plusMinutes(departedAt, data.numbers('diverted_duration'));
  const arrivedAt = plusMinutes(scheduledArrivalAt, arrDelay).map((instant, row) =>
    Number.isNaN(instant) ? (divertedAt[row] as number) : instant,
  );
  return {
    rowCount: data.rowCount,
    flightId: flightIds(scheduledAt, origin, flightCode),
    origin,
    dest,
    carrier,
    flightCode,
    tailNumber: data.texts('tail_number'),
    route: joinPairs(origin, '-', dest),
    carrierOrigin: joinPairs(carrier, '-', origin),
    flightNumber: data.numbers('flight_number'),
    distance: data.numbers('distance'),
    scheduledAt,
    scheduledArrivalAt,
    departedAt,
    depDelay,
    arrivedAt,
    arrDelay,
    airTime: data.numbers('air_time'),
  };
}

function flightIds(
  scheduledAt: Float64Array,
  origin: readonly string[],
  flightCode: readonly string[],
): string[] {
  let lastInstant = NaN;
  let lastText = '';
  return origin.map((code, row) => {
    const instant = scheduledAt[row] as number;
    if (instant !== lastInstant) lastText = compactInstant(instant);
    lastInstant = instant;
    return `${lastText}-${code}-${flightCode[row]}`;
  });
}

/** '20130101T1015Z': its text order is the order of time. */
export function compactInstant(instant: number): string {
  const iso = new Date(instant).toISOString();
  return `${iso.slice(0, 4)}${iso.slice(5, 7)}${iso.slice(8, 13)}${iso.slice(14, 16)}Z`;
}

/** Equal pairs are one string in memory. */
function joinPairs(left: readonly string[], separator: string, right: readonly string[]): string[] {
  const known = new Map<string, string>();
  return left.map((text, row) => {
    const pair = `${text}${separator}${right[row]}`;
    const found = known.get(pair);
    if (found === undefined) known.set(pair, pair);
    return found ?? pair;
  });
}

function concat(parts: readonly Float64Array[]): Float64Array {
  const whole = new Float64Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
