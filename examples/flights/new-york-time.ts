/**
 * New York's clock in 2013, by rule rather than by the machine's time zone tables, so that features made
 * of it are the same bits everywhere.
 */

const hourMs = 3_600_000;
const dayMs = 86_400_000;
/** 2013-03-10 02:00 EST became 03:00 EDT; 2013-11-03 02:00 EDT became 01:00 EST. */
const daylightTimeStart = Date.UTC(2013, 2, 10, 7);
const daylightTimeEnd = Date.UTC(2013, 10, 3, 6);
/** 1970-01-01 was a Thursday; days are counted from Monday. */
const epochWeekday = 3;

/** Milliseconds to add to UTC (negative: New York is behind). Right for 2013 and its neighbouring winters. */
export function newYorkOffsetMs(instant: number): number {
  return (instant >= daylightTimeStart && instant < daylightTimeEnd ? -4 : -5) * hourMs;
}

/** Minutes after midnight, 0 to 1439. */
export function newYorkMinuteOfDay(instant: number): number {
  const local = instant + newYorkOffsetMs(instant);
  return Math.floor((local - Math.floor(local / dayMs) * dayMs) / 60_000);
}

/** 0 is Monday, 6 is Sunday. */
export function newYorkWeekday(instant: number): number {
  return (Math.floor((instant + newYorkOffsetMs(instant)) / dayMs) + epochWeekday) % 7;
}

/** The instant at which a month of 2013 begins in New York; month 13 is January 2014. */
export function newYorkMonthStart(month: number): number {
  const asUtc = Date.UTC(2013, month - 1, 1);
  return asUtc - newYorkOffsetMs(asUtc + 5 * hourMs);
}

/** The month, 1 to 12, on New York's calendar; a flight belongs to the month of its scheduled departure. */
export function newYorkMonth(instant: number): number {
  return new Date(instant + newYorkOffsetMs(instant)).getUTCMonth() + 1;
}
