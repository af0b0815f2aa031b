import { condition, continueAsNew, defineQuery, defineSignal, setHandler, workflowInfo } from '@temporalio/workflow';
import {
  ingestionQueries,
  ingestionSignals,
  type IngestionConfiguration,
  type IngestionInput,
  type IngestionStatus,
  type OperatorNote,
  type ReplayRequest,
} from '../src/contracts/lifecycle.ts';
import { ConsumerGroup } from './consumer-group.ts';

/** Lag is asked for this often: often enough for an operator, seldom enough for the history. */
const LAG_INTERVAL_MS = 60_000;
const REPLAYS_MAX = 20;

/**
 * Keeps the consumers running for as long as the project lives. They are heartbeating activities: one
 * that fails, or whose worker dies, is started again by Temporal with back-off.
 */
export async function ingestion(input: IngestionInput): Promise<void> {
  const group = new ConsumerGroup(input);
  const replays: ReplayRequest[] = [...(input.carried?.replays ?? [])];
  let paused = input.carried?.paused ?? false;
  let derives = group.derives;
  setHandler(defineQuery<IngestionStatus>(ingestionQueries.status), () => ({ paused, ...group.status() }));
  setHandler(defineSignal<[OperatorNote?]>(ingestionSignals.pause), () => {
    paused = true;
  });
  setHandler(defineSignal<[OperatorNote?]>(ingestionSignals.resume), () => {
    paused = false;
  });
  setHandler(defineSignal<[ReplayRequest]>(ingestionSignals.replay), (request) => {
    if (replays.length < REPLAYS_MAX) replays.push(request);
  });
  setHandler(defineSignal<[IngestionConfiguration]>(ingestionSignals.configure), (wanted) => {
    derives = wanted.derives;
  });

  const mustStop = (): boolean =>
    paused || replays.length > 0 || derives !== group.derives || workflowInfo().continueAsNewSuggested;
  while (!workflowInfo().continueAsNewSuggested) {
    const replay = replays[0];
    if (replay !== undefined) {
      await group.rewind(replay);
      replays.shift();
    } else if (paused) {
      await condition(() => !paused || replays.length > 0);
    } else {
      group.derives = derives;
      await group.runUntil(mustStop, LAG_INTERVAL_MS);
    }
  }
  await continueAsNew<typeof ingestion>({ ...input, derives, carried: { paused, restarts: group.restarts, replays } });
}
