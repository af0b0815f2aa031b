import { expect, it } from 'vitest';
import type { Model } from '../../../src/define/model.ts';
import { planTraining } from '../../../src/training/training-plan.ts';
import { monitoredTrips } from '../../support/monitored-project.ts';

it('names every view that makes a row, and what on-demand features are made of', () => {
  const model: Model = monitoredTrips('trips-late');
  const hidden = { name: 'hidden', version: 3 } as Model['service']['views'][number];
  const onDemand = [{ kind: 'onDemandFeature' as const, name: 'speed', views: { seen: hidden }, request: { distance: { type: 'number' as const, nullable: false } }, compute: () => 0 }];
  const plan = planTraining({ ...model, service: { ...model.service, onDemand } });
  expect(plan.viewVersions).toEqual({ ...planTraining(model).viewVersions, hidden: 3 });
  expect(plan.onDemand).toEqual({ speed: { views: { seen: 'hidden' }, request: [{ name: 'distance', type: 'number', nullable: false }] } });
});
