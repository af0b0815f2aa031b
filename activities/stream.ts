import { Context } from '@temporalio/activity';
import type { StreamActivities } from '../src/contracts/activities.ts';
import { MillraceError } from '../src/core/millrace-error.ts';
import type { Project } from '../src/define/project.ts';
import type { RunningConsumer } from '../src/infra/kafka.ts';
import { isFolded, liveViewsText, readLiveViews, type LiveView } from '../src/store/live-views.ts';
import { rewindIngest } from '../src/store/rewind-ingest.ts';
import { startDecisionSink } from '../src/stream/decision-sink.ts';
import { startDeriver } from '../src/stream/deriver.ts';
import { startFoldConsumer } from '../src/stream/fold-consumer.ts';
import type { FoldConsumerDeps } from '../src/stream/fold-member.ts';
import { startIngest } from '../src/stream/ingest.ts';
import { readStreamLag } from '../src/stream/read-stream-lag.ts';
import { keepAlive } from './keep-alive.ts';
import { mapErrors } from './map-error.ts';

export interface StreamDependencies extends FoldConsumerDeps {
  readonly project: Project;
}

/** Consumers as activities: each runs until it is cancelled, and fails when its consumer ends by itself. */
export function createStreamActivities(deps: StreamDependencies): StreamActivities {
  return mapErrors<StreamActivities>({
    runIngest: () =>
      runWithViews(deps, (live) => live, (live) => startIngest(deps, deps.project.sources, live.map(programOf))),
    runFold: () =>
      runWithViews(deps, (live) => live.filter(isFolded), (live) => startFoldConsumer(deps, live.map(programOf))),
    runDerive: () => keepAlive(() => runUntil(() => startDeriver(deps, deps.project.sources))),
    runDecisionSink: () => keepAlive(() => runUntil(() => startDecisionSink(deps))),
    streamLag: () =>
      keepAlive(async () => {
        const live = (await readLiveViews(deps.postgres, deps.project)).filter(isFolded);
        return readStreamLag(deps, deps.project.sources, live.map(programOf));
      }),
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

const programOf = ({ program }: LiveView): LiveView['program'] => program;

/** How often a consumer looks whether other versions of views run than those that it has. */
const VIEWS_POLL_MS = 1_000;

/**
 * Runs a consumer over the versions of views that run, and starts it anew when they are others: a version that was
 * applied is taken up, and one that nothing needs is let go, without a process being restarted. What it held is
 * handed in, and the next one goes on from the sinks' own positions.
 */
async function runWithViews(
  deps: StreamDependencies,
  choose: (live: readonly LiveView[]) => readonly LiveView[],
  start: (live: readonly LiveView[]) => Promise<RunningConsumer>,
): Promise<void> {
  await keepAlive(async () => {
    for (;;) {
      let seen = await liveViewsText(deps.postgres);
      const live = choose(await readLiveViews(deps.postgres, deps.project));
      const changed = new AbortController();
      const look = async (): Promise<void> => {
        const text = await liveViewsText(deps.postgres);
        if (text === seen) return;
        const now = choose(await readLiveViews(deps.postgres, deps.project));
        if (textOf(now) !== textOf(live)) changed.abort();
        seen = text;
      };
      const poll = setInterval(() => {
        look().catch((error: unknown) => deps.logger.warn({ err: error }, 'versions of views could not be read'));
      }, VIEWS_POLL_MS);
      try {
        await runUntil(() => start(live), changed.signal);
      } finally {
        clearInterval(poll);
      }
      deps.logger.info({ before: textOf(live) }, 'other versions of views run: consuming with them');
    }
  });
}

const textOf = (live: readonly LiveView[]): string =>
  live.map(({ program }) => `${program.name}/${program.version}/${program.definitionHash}`).join();

/** Resolves once `until` aborts; rejects with the cancellation, or with what ended the consumer. */
async function runUntil(start: () => Promise<Pick<RunningConsumer, 'ended' | 'stop'>>, until?: AbortSignal): Promise<void> {
  const { cancelled } = Context.current();
  const consumer = await start();
  try {
    const others = new Promise<void>((resolve) => until?.addEventListener('abort', () => resolve(), { once: true }));
    // `cancelled` rejects with the cancellation, `ended` with what ended the consumer.
    await Promise.race([cancelled, consumer.ended, ...(until === undefined ? [] : [others])]);
  } finally {
    await consumer.stop();
  }
}
