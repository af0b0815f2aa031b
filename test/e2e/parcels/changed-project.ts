import { featureView, project } from '../../../src/index.ts';
import {
  courier,
  courierDistrictDeliveries,
  deliveries,
  districtOrders,
  isBusy,
  lateParcel,
  minutesSinceOrder,
} from './project.ts';

/* The little world after somebody thought again about couriers: another window, a feature more, one less. */

export const courierDeliveriesChanged = featureView({
  name: 'courier_deliveries',
  version: 2,
  entity: courier,
  source: deliveries,
  partitions: 2,
  features: (a) => ({
    count_3h: a.count({ window: '3h' }),
    mean_minutes_6h: a.mean('minutes', { window: '6h' }),
    late_share_24h: a.mean('late', { window: '24h' }),
    stddev_minutes_24h: a.stddev('minutes', { window: '24h' }),
    late_7d: a.count({ window: '7d', where: { late: true } }),
    since_delivery: a.timeSinceLast({ window: '24h' }),
  }),
});

export const lateParcelChanged = {
  ...lateParcel,
  service: {
    ...lateParcel.service,
    views: [courierDeliveriesChanged, districtOrders, courierDistrictDeliveries],
    onDemand: [
      minutesSinceOrder,
      { ...isBusy, views: { ...isBusy.views, courier: courierDeliveriesChanged } },
    ],
  },
};

export default project({ name: 'parcels', models: [lateParcelChanged] });
