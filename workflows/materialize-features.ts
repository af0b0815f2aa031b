import { defineQuery, setHandler } from '@temporalio/workflow';
import { materializeQueries, type MaterializeInput, type MaterializeProgress, type MaterializeResult } from '../src/contracts/materialize.ts';
import { materializeActivities } from './activity-proxies.ts';
import { showProgress } from './show-progress.ts';

/** Partitions that are rebuilt at a time: each reads the whole source, so more would only share the disk. */
const CONCURRENT_PARTITIONS = 2;

/** Rebuilds the online store of one view from the offline log, partition by partition. */
export async function materializeFeatures(input: MaterializeInput): Promise<MaterializeResult> {
  const { view, version } = input;
  const materialize = materializeActivities(input.namespace);
  showProgress({ view, phase: 'materializing' });
  let progress: MaterializeProgress = { partitions: 0, done: 0, keys: 0, events: 0 };
  setHandler(defineQuery<MaterializeProgress>(materializeQueries.progress), () => progress);
  const { partitions } = await materialize.viewPartitions({ view, version });
  progress = { ...progress, partitions };
  let next = 0;
  const rebuild = async (): Promise<void> => {
    while (next < partitions) {
      const rebuilt = await materialize.materializePartition({ view, version, partition: next++ });
      progress = {
        partitions,
        done: progress.done + 1,
        keys: progress.keys + rebuilt.keys,
        events: progress.events + rebuilt.events,
      };
      showProgress({}, `${progress.done} of ${partitions} partitions, ${progress.keys} keys from ${progress.events} events`);
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENT_PARTITIONS, partitions) }, rebuild));
  showProgress({ phase: 'idle' });
  return { view, keys: progress.keys, events: progress.events };
}
