import { Context } from '@temporalio/activity';
import type { StreamActivities } from '../src/contracts/activities.ts';
import { MillraceError } from '../src/core/millrace-error.ts';
import type { Project } from '../src/define/project.ts';
import type { ViewProgram } from '../src/fold/compile-view.ts';
import type { RunningConsumer } from '../src/infra/kafka.ts';
import { rewindIngest } from '../src/store/rewind-ingest.ts';
import { startDecisionSink } from '../src/stream/decision-sink.ts';
import { startDeriver } from '../src/stream/deriver.ts';
import { startFoldConsumer, type FoldConsumerDeps } from '../src/stream/fold-consumer.ts';
import { startIngest } from '../src/stream/ingest.ts';
import { readStreamLag } from '../src/stream/read-stream-lag.ts';
import { keepAlive } from './keep-alive.ts';
import { mapErrors } from './map-error.ts';

export interface StreamDependencies extends FoldConsumerDeps {
  readonly project: Project;
  readonly programs: readonly ViewProgram[];
}

/** Consumers as activities: each runs until it is cancelled, and fails when its consumer ends by itself. */
export function createStreamActivities(deps: StreamDependencies): StreamActivities {
  return mapErrors<StreamActivities>({
    runIngest: () => runUntilCancelled(() => startIngest(deps, deps.project.sources, deps.programs)),
    runFold: () => runUntilCancelled(() => startFoldConsumer(deps, deps.programs)),
    runDerive: () => runUntilCancelled(() => startDeriver(deps, deps.project.sources)),
    runDecisionSink: () => runUntilCancelled(() => startDecisionSink(deps)),
    streamLag: () => keepAlive(() => readStreamLag(deps, deps.project.sources, deps.programs)),
    rewindIngest: ({ source, fromKnownTime }) =>
      keepAlive(async () => {
        const found = deps.project.sources.find((candidate) => candidate.name === source);
        if (found === undefined) {
          throw new MillraceError(
            'STREAM_SOURCE_NOT_FOUND',
            `Source '${source}' is not part of the project. Its sources are: ${deps.project.sources.map((s) => s.name).join(', ')}.`,
          );
        }
        await rewindIngest(deps, found, fromKnownTime);
      }),
  });
}

async function runUntilCancelled(start: () => Promise<Pick<RunningConsumer, 'ended' | 'stop'>>): Promise<void> {
  await keepAlive(async () => {
    const { cancelled } = Context.current();
    const consumer = await start();
    try {
      // `cancelled` rejects with the cancellation, `ended` with what ended the consumer.
      await Promise.race([cancelled, consumer.ended]);
    } finally {
      await consumer.stop();
    }
  });
}
