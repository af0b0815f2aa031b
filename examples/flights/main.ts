import { parseArguments, usage } from './arguments.ts';
import { runFlights } from './run-flights.ts';

/** The main job: a year of flights through the whole pipeline. */
async function main(): Promise<number> {
  const parsed = parseArguments(process.argv.slice(2));
  if (parsed === 'help') {
    console.log(usage);
    return 0;
  }
  const stop = new AbortController();
  // The first signal stops in order; the second ends at once.
  const onSignal = (): void => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return runFlights(parsed, stop.signal);
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(`error: ${error instanceof Error ? error.message : String(error)}`);
  return 1;
});
