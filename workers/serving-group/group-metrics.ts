import { Gauge, type Registry } from '../../src/infra/metrics.ts';
import type { ServingGroup } from './serving-group.ts';

/** Metrics that the primary has of its serving processes, in its own registry. */
export function observeGroup(registry: Registry, group: Pick<ServingGroup, 'readyCount' | 'restarts'>): void {
  const registers = [registry];
  new Gauge({
    name: 'millrace_serving_processes_ready',
    help: 'Serving processes of this port that are ready.',
    registers,
    collect() {
      this.set(group.readyCount);
    },
  });
  new Gauge({
    name: 'millrace_serving_process_restarts',
    help: 'How often serving processes of this port were started again since the primary started.',
    registers,
    collect() {
      this.set(group.restarts);
    },
  });
}
