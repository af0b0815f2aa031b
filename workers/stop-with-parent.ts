/**
 * Imported by every process: when its supervisor is gone, however it went, the supervisor's end of the
 * channel closes and the process stops itself as if it had been told to. Not a preload: worker threads
 * inherit those, and Temporal's would fail on a TypeScript file.
 */
const STOP_LIMIT_MS = 15_000;

if (process.connected) {
  process.once('disconnect', () => {
    // Whatever hangs in the orderly way out must not outlive the supervisor for ever.
    setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
    process.kill(process.pid, 'SIGTERM');
  });
  // The channel alone is no reason to stay.
  process.channel?.unref();
}

export {};
