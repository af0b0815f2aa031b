/**
 * Preloaded into every supervised process: when the supervisor is gone, however it went, its end of
 * the channel closes and the process stops itself as if it had been told to.
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
