import type { MonitorActivities } from '../src/contracts/activities.ts';
import type { Model } from '../src/define/model.ts';
import type { Postgres } from '../src/infra/postgres.ts';
import { monitorClosedWindows } from '../src/monitoring/monitor-closed-windows.ts';
import { acknowledgeTrigger } from '../src/monitoring/monitor-reports.ts';
import { monitoredModel } from '../src/monitoring/monitored-model.ts';
import type { Registry } from '../src/registry/registry.ts';
import { keepAlive } from './keep-alive.ts';
import { knownModel } from './known-model.ts';
import { mapErrors } from './map-error.ts';

export interface MonitorActivityDependencies {
  readonly postgres: Postgres;
  readonly registry: Registry;
  readonly models: readonly Model[];
}

export function createMonitorActivities({ postgres, registry, models }: MonitorActivityDependencies): MonitorActivities {
  return mapErrors<MonitorActivities>({
    monitorClosedWindows: ({ model }) =>
      keepAlive((alive) => {
        const onWindow = ({ from, to }: { from: number; to: number }) => alive.progress({ from, to });
        return monitorClosedWindows({ postgres, registry, onWindow }, monitoredModel(knownModel(models, model)));
      }),
    acknowledgeTrigger: ({ model, dataCut }) => acknowledgeTrigger(postgres, model, dataCut),
  });
}
