import type { Environment } from './environment.ts';
import type { StackPhase } from './stack-progress.ts';

/** What every finder of a server's program works with. */
export interface FinderContext {
  /** Where fetched and built programs are kept, shared by all data directories of a user. */
  readonly cacheDir: string;
  readonly environment: Environment;
  readonly signal: AbortSignal;
  /** Tells people what goes on, one line. */
  readonly report: (message: string, phase?: StackPhase) => void;
  /** Notes a way that did not work, for the message when none did. */
  readonly noteFailure: (way: string, reason: string) => void;
}

/** One way to get a program; undefined where it does not apply on this machine. */
export type Way<T> = (context: FinderContext) => Promise<T | undefined>;

/**
 * Takes the first way that works. One that fails is noted and the next is tried; an abort ends the search.
 */
export async function firstWay<T>(
  context: FinderContext,
  ways: Readonly<Record<string, Way<T>>>,
): Promise<T | undefined> {
  for (const [name, way] of Object.entries(ways)) {
    context.signal.throwIfAborted();
    try {
      const found = await way(context);
      if (found !== undefined) return found;
      context.noteFailure(name, 'not on this machine');
    } catch (error) {
      context.signal.throwIfAborted();
      context.noteFailure(name, error instanceof Error ? error.message : String(error));
    }
  }
  return undefined;
}
