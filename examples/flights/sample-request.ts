const MINUTE_MS = 60_000;
const TO_DEPARTURE_MS = 30 * MINUTE_MS;
const TO_ARRIVAL_MS = 400 * MINUTE_MS;

/**
 * A request for a prediction to try by hand: of a flight that leaves half an hour after `clock` (ms since the epoch), as of then.
 * No event may be known much later: features can't be read long before the newest one.
 */
export function sampleRequest(clock: number) {
  const at = (ms: number): string => new Date(ms).toISOString();
  const flight = {
    flightId: 'demo',
    carrier: 'UA',
    origin: 'EWR',
    dest: 'SFO',
    tailNumber: 'N12114',
    flightCode: 'UA1545',
    distance: 2_565,
    scheduledAt: at(clock + TO_DEPARTURE_MS),
    scheduledArrivalAt: at(clock + TO_ARRIVAL_MS),
  };
  return { instances: [flight], asOf: at(clock) };
}
