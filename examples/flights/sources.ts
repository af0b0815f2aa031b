import { boolean, nullable, number, source, string, timestamp } from '../../src/index.ts';

/** All events here are history: their known time is carried, not the broker's. */
const carried = { knownTime: 'carried', id: 'eventId', partitions: 1 } as const;

const flightFields = {
  eventId: string(),
  flightId: string(),
  scheduledAt: timestamp(),
  scheduledArrivalAt: timestamp(),
  carrier: string(),
  flightCode: string(),
  tailNumber: nullable(string()),
  origin: string(),
  dest: string(),
};

/** Known three hours before scheduled departure. */
export const flightScheduled = source({
  ...carried,
  name: 'flight_scheduled',
  schema: { ...flightFields, publishedAt: timestamp(), distance: number() },
  eventTime: 'publishedAt',
});

/**
 * Counted at its scheduled time, so that it cancels out against the schedule. A flight that leaves early is
 * known before that time (up to 43 minutes): within the skew, its known time is taken instead.
 */
export const flightDeparted = source({
  ...carried,
  name: 'flight_departed',
  schema: { ...flightFields, departedAt: timestamp(), depDelay: number() },
  eventTime: 'scheduledAt',
  clockSkew: '2h',
});

/** A diverted flight lands without a delay and so without a label. */
export const flightArrived = source({
  ...carried,
  name: 'flight_arrived',
  schema: {
    ...flightFields,
    arrivedAt: timestamp(),
    arrDelay: nullable(number()),
    late: nullable(boolean()),
  },
  eventTime: 'arrivedAt',
});

export const flightCancelled = source({
  ...carried,
  name: 'flight_cancelled',
  schema: { ...flightFields, cancelledAt: timestamp() },
  eventTime: 'cancelledAt',
});

/** One airport's hour, known ten minutes later. */
export const weather = source({
  ...carried,
  name: 'weather',
  schema: {
    eventId: string(),
    origin: string(),
    observedAt: timestamp(),
    temperature: nullable(number()),
    dewPoint: nullable(number()),
    humidity: nullable(number()),
    windDirection: nullable(number()),
    windSpeed: nullable(number()),
    precipitation: nullable(number()),
    pressure: nullable(number()),
    visibility: nullable(number()),
  },
  eventTime: 'observedAt',
});
