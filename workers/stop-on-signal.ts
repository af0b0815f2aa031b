import type { Logger } from '../src/infra/logger.ts';

/**
 * Lets a process end in order at the first SIGTERM or SIGINT: with code 0 once `stop` is done, with 1 where it fails.
 * Later signals change nothing; a supervisor's patience is its own.
 */
export function stopOnSignal(logger: Logger, stop: () => Promise<unknown>): void {
  let stopping = false;
  const onSignal = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ signal }, 'stopping');
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'did not stop in order');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
