import { boolean, number, string, timestamp } from '../../../src/define/field.ts';
import { entity } from '../../../src/define/entity.ts';
import { featureService } from '../../../src/define/feature-service.ts';
import { featureView } from '../../../src/define/feature-view.ts';
import { model } from '../../../src/define/model.ts';
import { project } from '../../../src/define/project.ts';
import { source } from '../../../src/define/source.ts';

const airport = entity({ name: 'airport', keys: ['origin'] });

export const departures = source({
  name: 'departures',
  schema: { flightId: string(), origin: string(), carrier: string(), at: timestamp(), delayMinutes: number() },
  id: 'flightId',
  eventTime: 'at',
  partitions: 1,
});

const arrivals = source({
  name: 'arrivals',
  schema: { flightId: string(), at: timestamp(), late: boolean() },
  id: 'flightId',
  eventTime: 'at',
});

export const originDepartures = featureView({
  name: 'origin_departures',
  entity: airport,
  source: departures,
  partitions: 2,
  features: (a) => ({
    departed1h: a.count({ window: '1h' }),
    delay1h: a.sum('delayMinutes', { window: '1h' }),
  }),
});

/** Rows of four values: departed1h, delay1h, distance, carrier. */
export const delayModel = model({
  name: 'delay',
  service: featureService({
    name: 'delay_service',
    views: [originDepartures],
    request: { distance: number(), carrier: string() },
  }),
  examples: { source: departures, id: 'flightId', decisionTime: { field: 'at' } },
  label: { source: arrivals, id: 'flightId', value: 'late' },
});

export const tinyProject = project({ name: 'tiny', models: [delayModel] });
