import { featureView, project } from '../../../src/index.ts';
import { card, fraud, payments } from './payments-project.ts';

/** The payments project after its view was thought over: version 2 has another window. */
const cardActivity = featureView({
  name: 'card_activity',
  version: 2,
  entity: card,
  source: payments,
  partitions: 3,
  features: (a) => ({
    payments_2h: a.count({ window: '2h' }),
    mean_amount_1d: a.mean('amount', { window: '1d' }),
  }),
});

export default project({
  name: 'payments',
  models: [{ ...fraud, service: { ...fraud.service, views: [cardActivity] } }],
});
