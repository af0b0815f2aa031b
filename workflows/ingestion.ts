import { condition, continueAsNew, defineQuery, defineSignal, setHandler, workflowInfo } from '@temporalio/workflow';
import { checkConfiguration } from '../src/contracts/check-request.ts';
import {
  ingestionQueries,
  ingestionSignals,
  type IngestionConfiguration,
  type IngestionInput,
  type IngestionStatus,
  type OperatorNote,
} from '../src/contracts/lifecycle.ts';
import type { ReplayRequest } from '../src/contracts/replay-request.ts';
import { ConsumerGroup } from './consumer-group.ts';
import { ReplayInbox } from './replay-inbox.ts';

/** Lag is asked for this often: often enough for an operator, seldom enough for the history. */
const LAG_INTERVAL_MS = 60_000;

/**
 * Keeps the consumers running for as long as the project lives. They are heartbeating activities: one
 * that fails, or whose worker dies, is started again by Temporal with back-off.
 */
export async function ingestion(input: IngestionInput): Promise<void> {
  const group = new ConsumerGroup(input);
  const replays = new ReplayInbox(input.carried);
  let paused = input.carried?.paused ?? false;
  let derives = group.derives;
  setHandler(defineQuery<IngestionStatus>(ingestionQueries.status), () => ({ paused, ...group.status(), refusals: replays.refusals }));
  setHandler(defineSignal<[OperatorNote?]>(ingestionSignals.pause), () => {
    paused = true;
  });
  setHandler(defineSignal<[OperatorNote?]>(ingestionSignals.resume), () => {
    paused = false;
  });
  setHandler(defineSignal<[ReplayRequest]>(ingestionSignals.replay), (request) => replays.add(request));
  setHandler(defineSignal<[IngestionConfiguration]>(ingestionSignals.configure), (wanted) => {
    if (checkConfiguration(wanted).length === 0) derives = wanted.derives;
  });

  const mustStop = (): boolean =>
    paused || replays.waiting.length > 0 || derives !== group.derives || workflowInfo().continueAsNewSuggested;
  while (!workflowInfo().continueAsNewSuggested) {
    const replay = replays.waiting[0];
    if (replay !== undefined) {
      const refusal = await group.rewind(replay);
      if (refusal !== null) replays.refuse(replay, refusal);
      replays.waiting.shift();
    } else if (paused) {
      await condition(() => !paused || replays.waiting.length > 0);
    } else {
      group.derives = derives;
      await group.runUntil(mustStop, LAG_INTERVAL_MS);
    }
  }
  await continueAsNew<typeof ingestion>({ ...input, derives, carried: { paused, restarts: group.restarts, replays: replays.waiting, refusals: replays.refusals } });
}
