import { MillraceError } from '../src/core/millrace-error.ts';
import type { ServerStarter, StarterContext } from './server-starter.ts';
import type { ServerState } from './stack-state.ts';

const ATTEMPTS_MAX = 3;

/**
 * A chosen port, or one that the server takes for itself, may be taken by another program before the server listens:
 * the starter then chooses again. A demanded port that is taken is an error at once.
 */
export async function startWithFreePorts(
  starter: ServerStarter,
  context: StarterContext,
): Promise<ServerState | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await starter(context);
    } catch (error) {
      const taken = error instanceof MillraceError && error.details['portTaken'] === true;
      if (!taken || attempt >= ATTEMPTS_MAX) throw error;
      context.report('a port was taken meanwhile: starting it again', 'starting');
    }
  }
}

