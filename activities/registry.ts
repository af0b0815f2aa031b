import type { RegistryActivities } from '../src/contracts/activities.ts';
import type { Registry } from '../src/registry/registry.ts';
import { mapErrors } from './map-error.ts';

export function createRegistryActivities({ registry }: { readonly registry: Registry }): RegistryActivities {
  return mapErrors<RegistryActivities>({
    getAllocation: ({ model }) => registry.getAllocation(model),
    setAllocation: (change) => registry.setAllocation(change),
    previousChampion: ({ model }) => registry.previousChampion(model),
    async recordLedger(note) {
      await registry.recordLedger(note);
    },
    async assertVersion({ model, version }) {
      await registry.getVersion(model, version);
    },
  });
}
