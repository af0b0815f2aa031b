import { defineQuery, patched, setHandler, sleep } from '@temporalio/workflow';
import { materializeQueries, type MaterializeInput, type MaterializeProgress, type MaterializeResult } from '../src/contracts/materialize.ts';
import { materializeActivities } from './activity-proxies.ts';
import { showProgress } from './show-progress.ts';

/** Before partitions that somebody else rebuilds are looked at again. */
const BUSY_PAUSE = '5s';
/** Of the runs that began before one pass served all partitions. */
const CONCURRENT_PARTITIONS = 2;

type Activities = ReturnType<typeof materializeActivities>;

/** Rebuilds the online store of one view from the offline log: one pass for all partitions, and one more for those that somebody else had. */
export async function materializeFeatures(input: MaterializeInput): Promise<MaterializeResult> {
  const { view, version } = input;
  const materialize = materializeActivities(input.namespace);
  showProgress({ view, phase: 'materializing' });
  let progress: MaterializeProgress = { partitions: 0, done: 0, keys: 0, events: 0 };
  setHandler(defineQuery<MaterializeProgress>(materializeQueries.progress), () => progress);
  const { partitions } = await materialize.viewPartitions({ view, version });
  progress = { ...progress, partitions };
  const add = (rebuilt: { keys: number; events: number }, done: number): void => {
    const { keys, events } = progress;
    progress = { partitions, done: progress.done + done, keys: keys + rebuilt.keys, events: events + rebuilt.events };
    showProgress({}, `${progress.done} of ${partitions} partitions, ${progress.keys} keys from ${progress.events} events`);
  };
  if (patched('one-pass')) await rebuildTogether(materialize, input, partitions, add);
  else await rebuildEach(materialize, input, partitions, add);
  showProgress({ phase: 'idle' });
  return { view, keys: progress.keys, events: progress.events };
}

type Add = (rebuilt: { keys: number; events: number }, done: number) => void;

async function rebuildTogether(materialize: Activities, { view, version }: MaterializeInput, count: number, add: Add): Promise<void> {
  let left: readonly number[] = Array.from({ length: count }, (_, partition) => partition);
  while (left.length > 0) {
    const rebuilt = await materialize.materializePartitions({ view, version, partitions: left });
    add(rebuilt, left.length - rebuilt.busy.length);
    left = rebuilt.busy;
    if (left.length > 0) {
      showProgress({}, `waiting for partitions ${left.join(', ')}, which somebody else rebuilds`);
      await sleep(BUSY_PAUSE);
    }
  }
}

async function rebuildEach(materialize: Activities, { view, version }: MaterializeInput, count: number, add: Add): Promise<void> {
  let next = 0;
  const rebuild = async (): Promise<void> => {
    while (next < count) add(await materialize.materializePartition({ view, version, partition: next++ }), 1);
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENT_PARTITIONS, count) }, rebuild));
}
