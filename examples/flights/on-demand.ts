import { number, onDemand, timestamp } from '../../src/index.ts';
import { newYorkMinuteOfDay, newYorkWeekday } from './new-york-time.ts';
import {
  carrierDeparted,
  carrierScheduled,
  originCancelled,
  originDeparted,
  originScheduled,
  tailArrived,
  tailDeparted,
} from './views.ts';

const MINUTE_MS = 60_000;
/** What a jet covers in a minute of schedule, miles: the rest of the schedule is padding. */
const MILES_PER_MINUTE = 8;

/** Flights of the origin that were due in the last hour and have not left. */
export const originBacklog1h = onDemand({
  name: 'origin_backlog_1h',
  views: { scheduled: originScheduled, departed: originDeparted, cancelled: originCancelled },
  compute: ({ scheduled, departed, cancelled }) =>
    (scheduled.count_4h ?? 0) -
    (scheduled.count_3h ?? 0) -
    (departed.count_1h ?? 0) -
    (cancelled.count_1h ?? 0),
});

export const originBacklog3h = onDemand({
  name: 'origin_backlog_3h',
  views: { scheduled: originScheduled, departed: originDeparted, cancelled: originCancelled },
  compute: ({ scheduled, departed, cancelled }) =>
    (scheduled.count_6h ?? 0) -
    (scheduled.count_3h ?? 0) -
    (departed.count_3h ?? 0) -
    (cancelled.count_3h ?? 0),
});

/** Cancelled flights stay in it: by carrier they are few. */
export const carrierBacklog3h = onDemand({
  name: 'carrier_backlog_3h',
  views: { scheduled: carrierScheduled, departed: carrierDeparted },
  compute: ({ scheduled, departed }) =>
    (scheduled.count_6h ?? 0) - (scheduled.count_3h ?? 0) - (departed.count_3h ?? 0),
});

/**
 * Minutes between the earliest return of the aircraft and this departure: it last landed somewhere at
 * `last_arrived_at` and must still fly back, which takes as long as that flight was scheduled for.
 */
export const tailSlackFromArrival = onDemand({
  name: 'tail_slack_from_arrival',
  views: { tail: tailArrived },
  request: { scheduledAt: timestamp() },
  compute: ({ tail, request }) =>
    tail.last_arrived_at === null ||
    tail.last_scheduled_arrival_at === null ||
    tail.last_scheduled_at === null
      ? null
      : (request.scheduledAt -
          tail.last_arrived_at -
          (tail.last_scheduled_arrival_at - tail.last_scheduled_at)) /
        MINUTE_MS,
});

/** The same from its last departure: out and back. */
export const tailSlackFromDeparture = onDemand({
  name: 'tail_slack_from_departure',
  views: { tail: tailDeparted },
  request: { scheduledAt: timestamp() },
  compute: ({ tail, request }) =>
    tail.last_departed_at === null ||
    tail.last_scheduled_arrival_at === null ||
    tail.last_scheduled_at === null
      ? null
      : (request.scheduledAt -
          tail.last_departed_at -
          2 * (tail.last_scheduled_arrival_at - tail.last_scheduled_at)) /
        MINUTE_MS,
});

export const minuteOfDay = onDemand({
  name: 'minute_of_day',
  request: { scheduledAt: timestamp() },
  compute: ({ request }) => newYorkMinuteOfDay(request.scheduledAt),
});

export const weekday = onDemand({
  name: 'weekday',
  request: { scheduledAt: timestamp() },
  compute: ({ request }) => newYorkWeekday(request.scheduledAt),
});

export const scheduledMinutes = onDemand({
  name: 'scheduled_minutes',
  request: { scheduledAt: timestamp(), scheduledArrivalAt: timestamp() },
  compute: ({ request }) => (request.scheduledArrivalAt - request.scheduledAt) / MINUTE_MS,
});

export const scheduledPadding = onDemand({
  name: 'scheduled_padding',
  request: { scheduledAt: timestamp(), scheduledArrivalAt: timestamp(), distance: number() },
  compute: ({ request }) =>
    (request.scheduledArrivalAt - request.scheduledAt) / MINUTE_MS - request.distance / MILES_PER_MINUTE,
});
