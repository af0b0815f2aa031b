import { TemporalFailure } from '@temporalio/common';
import { CancellationScope, condition, isCancellation, sleep } from '@temporalio/workflow';
import type { IngestionInput, IngestionStatus } from '../src/contracts/lifecycle.ts';
import type { ReplayRequest } from '../src/contracts/replay-request.ts';
import { rewindActivities, streamActivities, streamControlActivities } from './activity-proxies.ts';
import { failureText } from './failure-text.ts';
import { showProgress } from './show-progress.ts';

/** A consumer whose activity failed for good (no retry helps) is tried again after this. */
const RESTART_DELAY_MS = 10_000;

/** All consumers of a project, run together and stopped together. */
export class ConsumerGroup {
  restarts: number;
  /** Taken up by the next run. */
  derives: boolean;
  private readonly consumers: ReturnType<typeof streamActivities>;
  private readonly control: ReturnType<typeof streamControlActivities>;
  private readonly rewinds: ReturnType<typeof rewindActivities>;
  private readonly members: number;
  /** Of the present run: the consumers of the one before may end after it has begun. */
  private running = new Set<string>();
  private lag: Readonly<Record<string, number>> = {};

  constructor(input: IngestionInput) {
    this.restarts = input.carried?.restarts ?? 0;
    this.derives = input.derives ?? false;
    this.members = input.members;
    this.consumers = streamActivities(input.namespace);
    this.control = streamControlActivities(input.namespace);
    this.rewinds = rewindActivities(input.namespace);
  }

  status(): Omit<IngestionStatus, 'paused' | 'refusals'> {
    return { running: [...this.running].sort(), restarts: this.restarts, lag: this.lag };
  }

  /** Runs every consumer until `mustStop`, then waits until all have handed in what they held. */
  async runUntil(mustStop: () => boolean, lagIntervalMs: number): Promise<void> {
    showProgress({ phase: 'running' });
    const scope = new CancellationScope();
    const all = scope.run(() => Promise.all(this.start())).catch((error: unknown) => {
      if (!isCancellation(error)) throw error;
    });
    while (!mustStop()) {
      if (await condition(mustStop, lagIntervalMs)) break;
      await this.readLag();
    }
    scope.cancel();
    await all;
    showProgress({ phase: 'paused' });
  }

  /** @returns why it was not done, or null: one that is refused is no reason to stop the consumers */
  async rewind(request: ReplayRequest): Promise<string | null> {
    try {
      await this.rewinds.rewindIngest(request);
      return null;
    } catch (error) {
      if (!(error instanceof TemporalFailure) || isCancellation(error)) throw error;
      const refusal = failureText(error);
      showProgress({}, `replay of '${request.source}' refused: ${refusal}`);
      return refusal;
    }
  }

  private start(): Promise<void>[] {
    const started: Promise<void>[] = [];
    this.running = new Set();
    for (let member = 0; member < this.members; member++) {
      started.push(
        this.keepRunning(`ingest-${member}`, () => this.consumers.runIngest({ member })),
        this.keepRunning(`fold-${member}`, () => this.consumers.runFold({ member })),
      );
    }
    // One derives all sources: a second would do the same work again.
    if (this.derives) started.push(this.keepRunning('derive-0', () => this.consumers.runDerive({ member: 0 })));
    started.push(this.keepRunning('decision-sink-0', () => this.consumers.runDecisionSink({ member: 0 })));
    return started;
  }

  private async keepRunning(name: string, consume: () => Promise<void>): Promise<void> {
    const { running } = this;
    for (;;) {
      running.add(name);
      try {
        await consume();
      } catch (error) {
        if (isCancellation(error) || !(error instanceof TemporalFailure)) throw error;
        showProgress({}, `${name} failed: ${failureText(error)}`);
      } finally {
        running.delete(name);
      }
      // A consumer that was cancelled may end without an error; the wait then ends the loop.
      await sleep(RESTART_DELAY_MS);
      this.restarts += 1;
    }
  }

  private async readLag(): Promise<void> {
    try {
      this.lag = await this.control.streamLag({});
    } catch (error) {
      if (!(error instanceof TemporalFailure) || isCancellation(error)) throw error;
    }
  }
}
