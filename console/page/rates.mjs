/** Points that are kept: ten minutes at one every two seconds. */
const POINTS_MAX = 300;

/** Rates a second from counters that only grow, over the time that the page is open. */
export function createRates() {
  let last = null;
  const rates = {
    events: [],
    decisions: [],
    /** @param nowMs a clock that never goes back */
    note({ sources, decisions }, nowMs) {
      const sent = sources.some((source) => source.sent === null)
        ? null
        : sources.reduce((total, source) => total + source.sent, 0);
      const present = { at: nowMs, events: sent, decisions: decisions?.stored ?? null };
      if (last !== null && present.at > last.at) {
        add(rates.events, perSecond(last, present, 'events'));
        add(rates.decisions, perSecond(last, present, 'decisions'));
      }
      last = present;
    },
  };
  return rates;
}

function perSecond(before, after, name) {
  if (before[name] === null || after[name] === null) return null;
  return (Math.max(0, after[name] - before[name]) * 1_000) / (after.at - before.at);
}

function add(values, value) {
  values.push(value);
  if (values.length > POINTS_MAX) values.shift();
}
