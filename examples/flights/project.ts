import { featureService, mlp, model, number, project, string } from '../../src/index.ts';
import * as onDemand from './on-demand.ts';
import { flightArrived, flightScheduled } from './sources.ts';
import * as views from './views.ts';

const flightDelayService = featureService({
  name: 'flight_delay',
  views: Object.values(views),
  onDemand: Object.values(onDemand),
  request: { distance: number(), carrier: string(), origin: string(), dest: string() },
  // Instants serve the slack features; as numbers they would only tell the date.
  exclude: [
    'tail_arrived.last_arrived_at',
    'tail_arrived.last_scheduled_at',
    'tail_arrived.last_scheduled_arrival_at',
    'tail_departed.last_departed_at',
    'tail_departed.last_scheduled_at',
    'tail_departed.last_scheduled_arrival_at',
  ],
});

/** Asked 30 minutes before scheduled departure: will it arrive more than 15 minutes late? */
const flightDelay = model({
  name: 'flight_delay',
  service: flightDelayService,
  examples: {
    source: flightScheduled,
    id: 'flightId',
    decisionTime: { field: 'scheduledAt', offset: '-30m' },
  },
  label: { source: flightArrived, id: 'flightId', value: 'late' },
  trainer: mlp(),
  split: { holdout: '14d', gap: '1d' },
  segments: ['carrier', 'origin'],
  monitor: {
    window: '7d',
    labelDelay: '1d',
    coolDown: '28d',
    // About a month of flights: a model that nothing speaks against is still renewed with what came since.
    newLabels: 25_000,
    every: '3s',
    // Season moves these whatever the model does.
    ignoreDrift: ['origin_weather.temperature', 'origin_weather.dew_point', 'origin_weather.pressure'],
  },
  rollout: {
    shadowDecisions: 1_000,
    canaryShares: [0.1, 0.5],
    outcomesPerStep: 300,
    pollIntervalMs: 500,
    // A bad week moves the answers of a version that has seen it: outcomes judge it, not its distance.
    maxMeanScoreDifference: 0.35,
  },
});

export default project({ name: 'flights', models: [flightDelay] });
