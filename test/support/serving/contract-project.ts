import { entity } from '../../../src/define/entity.ts';
import { featureService } from '../../../src/define/feature-service.ts';
import { featureView, type FeatureView } from '../../../src/define/feature-view.ts';
import { number, string } from '../../../src/define/field.ts';
import { onDemand } from '../../../src/define/on-demand.ts';
import { project } from '../../../src/define/project.ts';
import { departures, originDepartures } from './tiny-project.ts';

type Contract = Pick<FeatureView, 'maxAge' | 'onStale' | 'ttl' | 'freshnessObjective'>;

/** A view over the departures of a carrier, with a contract on the ages of its states. */
export const carrierDepartures = (contract: Contract, lifetime = false) =>
  featureView({
    name: 'carrier_departures',
    entity: entity({ name: 'carrier', keys: ['carrier'] }),
    source: departures,
    partitions: 2,
    features: (a) => ({
      mean1h: a.mean('delayMinutes', { window: '1h' }),
      count1h: a.count({ window: '1h' }),
      ...(lifetime ? { countEver: a.count({ window: 'lifetime' }) } : {}),
    }),
    ...contract,
  });

/** Two views, of which the second has the contract, and a service that reads both. */
export function contractProject(contract: Contract, lifetime = false) {
  const carriers = carrierDepartures(contract, lifetime);
  const excess = onDemand({
    name: 'excess',
    views: { carriers },
    request: { distance: number() },
    compute: ({ carriers: { mean1h }, request }) => (mean1h === null ? null : mean1h - request.distance),
  });
  const service = featureService({
    name: 'both',
    views: [originDepartures, carriers],
    onDemand: [excess],
    request: { carrier: string() },
  });
  return project({ name: 'contracts', services: [service] });
}
