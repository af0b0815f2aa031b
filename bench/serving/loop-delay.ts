/** Loaded before a serving process: answers `loop-delay` on its channel with what its event loop was late, and starts anew. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

const RESOLUTION_MS = 1;
const NANOSECONDS_PER_MS = 1e6;

export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
histogram.enable();

process.on('message', (message) => {
  if (message !== 'loop-delay') return;
  // The monitor's own timer is part of what it records.
  const lateMs = (nanoseconds: number): number => Math.max(0, nanoseconds / NANOSECONDS_PER_MS - RESOLUTION_MS);
  const delay: LoopDelay = { p50: lateMs(histogram.percentile(50)), p99: lateMs(histogram.percentile(99)), max: lateMs(histogram.max) };
  histogram.reset();
  process.send?.(delay);
});
