import { Context } from '@temporalio/activity';

const HEARTBEAT_MS = 3_000;

export interface Alive {
  /** What the next heartbeats say. */
  progress(details: object): void;
}

/** Runs `work` while heartbeats tell Temporal that this worker lives; cancellation reaches it through them. */
export async function keepAlive<T>(work: (alive: Alive) => Promise<T>): Promise<T> {
  const context = Context.current();
  let details: object = {};
  const timer = setInterval(() => context.heartbeat(details), HEARTBEAT_MS);
  context.heartbeat(details);
  try {
    return await work({
      progress(next) {
        details = next;
      },
    });
  } finally {
    clearInterval(timer);
  }
}
