/** Numbers and times as text. Times that happened on this machine are local; times of events are UTC. */
export const NONE = '–';

const isMissing = (value) => value === null || value === undefined || Number.isNaN(value);

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });

export const count = (value) => (isMissing(value) ? NONE : whole.format(value));

export const fixed = (value, digits) => (isMissing(value) ? NONE : value.toFixed(digits));

/** A rate a second: one digit below ten. */
export const rate = (value) =>
  isMissing(value) ? NONE : value > 0 && value < 9.95 ? value.toFixed(1) : whole.format(value);

export const percent = (share) => (isMissing(share) ? NONE : `${Number((share * 100).toFixed(1))}\u00a0%`);

export const signed = (value, digits) =>
  isMissing(value) ? NONE : `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(digits)}`;

/** Milliseconds in a form that fits: `0.42 ms`, `12 ms`, `3.1 s`. */
export function milliseconds(value) {
  if (isMissing(value)) return NONE;
  if (value < 1) return `${value.toFixed(2)} ms`;
  if (value < 10) return `${value.toFixed(1)} ms`;
  if (value < 1_000) return `${Math.round(value)} ms`;
  return `${(value / 1_000).toFixed(1)} s`;
}

const units = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

/** A span in its largest whole unit: `3 min`, `2 d`; `0 s` for less than a second. */
export function span(ms) {
  if (isMissing(ms)) return NONE;
  const [unit, size] = units.find(([, candidate]) => ms >= candidate) ?? units.at(-1);
  return `${Math.max(0, Math.floor(ms / size))} ${unit}`;
}

const two = (value) => String(value).padStart(2, '0');

/** `2013-06-14 21:45` in UTC. */
export const utcMinute = (ms) =>
  isMissing(ms) ? NONE : new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

export const utcDay = (ms) => (isMissing(ms) ? NONE : new Date(ms).toISOString().slice(0, 10));

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `14 Jun`, UTC. */
export function dayMonth(ms) {
  const date = new Date(ms);
  return `${date.getUTCDate()} ${months[date.getUTCMonth()]}`;
}

/** `14:03:07`, local. */
export function clock(ms) {
  if (isMissing(ms)) return NONE;
  const date = new Date(ms);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `2026-11-25`, local. */
export function day(ms) {
  const date = new Date(ms);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** Small numbers with three significant digits, great ones whole. */
export function quantity(value) {
  if (isMissing(value)) return 'null';
  if (Number.isInteger(value)) return whole.format(value);
  const size = Math.abs(value);
  return size >= 1_000 ? whole.format(value) : String(Number(value.toPrecision(4)));
}
