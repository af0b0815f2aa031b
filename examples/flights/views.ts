import { entity, featureView } from '../../src/index.ts';
import { flightArrived, flightCancelled, flightDeparted, flightScheduled, weather } from './sources.ts';

const origin = entity({ name: 'origin', keys: ['origin'] });
const carrier = entity({ name: 'carrier', keys: ['carrier'] });
const carrierAtOrigin = entity({ name: 'carrier_at_origin', keys: ['carrier', 'origin'] });
const dest = entity({ name: 'dest', keys: ['dest'] });
const route = entity({ name: 'route', keys: ['origin', 'dest'] });
/** The same flight number day after day, such as UA1545. */
const flightLine = entity({ name: 'flight_line', keys: ['flightCode'] });
const tail = entity({ name: 'tail', keys: ['tailNumber'] });

/** One partition is plenty for two cores; see docs/events.md on how to choose. */
const partitions = 1;

/** Windows that are subtracted from one another move their tails together. */
const hop = '5m';

/** The schedule is known three hours ahead: what was published 3 to 4 hours ago is due in the last hour. */
export const originScheduled = featureView({
  name: 'origin_scheduled',
  entity: origin,
  source: flightScheduled,
  partitions,
  features: (a) => ({
    count_3h: a.count({ window: '3h', hop }),
    count_4h: a.count({ window: '4h', hop }),
    count_6h: a.count({ window: '6h', hop }),
  }),
});

export const originDeparted = featureView({
  name: 'origin_departed',
  entity: origin,
  source: flightDeparted,
  partitions,
  features: (a) => ({
    count_1h: a.count({ window: '1h', hop }),
    count_3h: a.count({ window: '3h', hop }),
    mean_delay_1h: a.mean('depDelay', { window: '1h', hop }),
    mean_delay_3h: a.mean('depDelay', { window: '3h', hop }),
    stddev_delay_3h: a.stddev('depDelay', { window: '3h', hop }),
    mean_delay_24h: a.mean('depDelay', { window: '24h' }),
    max_delay_24h: a.max('depDelay', { window: '24h' }),
  }),
});

export const originCancelled = featureView({
  name: 'origin_cancelled',
  entity: origin,
  source: flightCancelled,
  partitions,
  features: (a) => ({
    count_1h: a.count({ window: '1h', hop }),
    count_3h: a.count({ window: '3h', hop }),
    count_24h: a.count({ window: '24h' }),
  }),
});

export const originArrived = featureView({
  name: 'origin_arrived',
  entity: origin,
  source: flightArrived,
  partitions,
  features: (a) => ({
    mean_delay_1h: a.mean('arrDelay', { window: '1h' }),
    late_share_3h: a.mean('late', { window: '3h' }),
    late_share_7d: a.mean('late', { window: '7d' }),
  }),
});

export const carrierScheduled = featureView({
  name: 'carrier_scheduled',
  entity: carrier,
  source: flightScheduled,
  partitions,
  features: (a) => ({
    count_3h: a.count({ window: '3h', hop }),
    count_6h: a.count({ window: '6h', hop }),
  }),
});

export const carrierDeparted = featureView({
  name: 'carrier_departed',
  entity: carrier,
  source: flightDeparted,
  partitions,
  features: (a) => ({
    count_3h: a.count({ window: '3h', hop }),
    mean_delay_3h: a.mean('depDelay', { window: '3h', hop }),
    mean_delay_24h: a.mean('depDelay', { window: '24h' }),
  }),
});

export const carrierAtOriginDeparted = featureView({
  name: 'carrier_at_origin_departed',
  entity: carrierAtOrigin,
  source: flightDeparted,
  partitions,
  features: (a) => ({
    mean_delay_1h: a.mean('depDelay', { window: '1h' }),
    mean_delay_3h: a.mean('depDelay', { window: '3h' }),
    late_count_3h: a.count({ window: '3h', where: { depDelay: { gt: 15 } } }),
  }),
});

export const carrierAtOriginArrived = featureView({
  name: 'carrier_at_origin_arrived',
  entity: carrierAtOrigin,
  source: flightArrived,
  partitions,
  features: (a) => ({
    mean_delay_3h: a.mean('arrDelay', { window: '3h' }),
    mean_delay_24h: a.mean('arrDelay', { window: '24h' }),
  }),
});

export const destArrived = featureView({
  name: 'dest_arrived',
  entity: dest,
  source: flightArrived,
  partitions,
  features: (a) => ({
    mean_delay_3h: a.mean('arrDelay', { window: '3h' }),
    mean_delay_24h: a.mean('arrDelay', { window: '24h' }),
    last_delay: a.last('arrDelay', { window: '24h' }),
  }),
});

export const routeArrived = featureView({
  name: 'route_arrived',
  entity: route,
  source: flightArrived,
  partitions,
  features: (a) => ({
    mean_delay_24h: a.mean('arrDelay', { window: '24h' }),
    mean_delay_30d: a.mean('arrDelay', { window: '30d' }),
    last_delay: a.last('arrDelay', { window: '7d' }),
  }),
});

export const flightLineArrived = featureView({
  name: 'flight_line_arrived',
  entity: flightLine,
  source: flightArrived,
  partitions,
  features: (a) => ({
    mean_delay_7d: a.mean('arrDelay', { window: '7d' }),
    mean_delay_30d: a.mean('arrDelay', { window: '30d' }),
    late_share_30d: a.mean('late', { window: '30d' }),
  }),
});

export const tailArrived = featureView({
  name: 'tail_arrived',
  entity: tail,
  source: flightArrived,
  partitions,
  features: (a) => ({
    last_delay: a.last('arrDelay', { window: '3d' }),
    last_arrived_at: a.last('arrivedAt', { window: '3d' }),
    last_scheduled_at: a.last('scheduledAt', { window: '3d' }),
    last_scheduled_arrival_at: a.last('scheduledArrivalAt', { window: '3d' }),
    since_arrived: a.timeSinceLast({ window: '3d' }),
  }),
});

export const tailDeparted = featureView({
  name: 'tail_departed',
  entity: tail,
  source: flightDeparted,
  partitions,
  features: (a) => ({
    last_delay: a.last('depDelay', { window: '3d' }),
    last_departed_at: a.last('departedAt', { window: '3d' }),
    last_scheduled_at: a.last('scheduledAt', { window: '3d' }),
    last_scheduled_arrival_at: a.last('scheduledArrivalAt', { window: '3d' }),
  }),
});

export const originWeather = featureView({
  name: 'origin_weather',
  entity: origin,
  source: weather,
  partitions,
  features: (a) => ({
    temperature: a.last('temperature', { window: '3h' }),
    dew_point: a.last('dewPoint', { window: '3h' }),
    humidity: a.last('humidity', { window: '3h' }),
    wind_direction: a.last('windDirection', { window: '3h' }),
    wind_speed: a.last('windSpeed', { window: '3h' }),
    precipitation: a.last('precipitation', { window: '3h' }),
    precipitation_sum_3h: a.sum('precipitation', { window: '3h' }),
    pressure: a.last('pressure', { window: '3h' }),
    visibility: a.last('visibility', { window: '3h' }),
    visibility_min_3h: a.min('visibility', { window: '3h' }),
  }),
});
