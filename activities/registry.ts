import type { RegistryActivities } from '../src/contracts/activities.ts';
import type { Registry } from '../src/registry/registry.ts';
import { mapErrors } from './map-error.ts';
import { resultOf } from './train-result.ts';

export function createRegistryActivities({ registry }: { readonly registry: Registry }): RegistryActivities {
  return mapErrors<RegistryActivities>({
    getAllocation: ({ model }) => registry.getAllocation(model),
    setAllocation: (change) => registry.setAllocation(change),
    previousChampion: ({ model }) => registry.previousChampion(model),
    async recordLedger(note) {
      await registry.recordLedger(note);
    },
    async describeVersion({ model, version }) {
      await registry.assertJudged(model, version);
      const found = await registry.getVersion(model, version);
      const allocation = await registry.getAllocation(model);
      // Figures beside another champion than the present one say nothing about it.
      const isCompared = found.metrics.championVersion === (allocation?.champion ?? null);
      return resultOf(found, isCompared ? found.metrics : { ...found.metrics, champion: null }, true);
    },
    async assertVersion({ model, version }) {
      await registry.getVersion(model, version);
    },
  });
}
