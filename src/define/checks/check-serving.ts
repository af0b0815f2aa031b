import { cacheKinds, type ServingPolicy } from '../model.ts';
import { checkDuration } from './check-duration.ts';
import { checkWholeNumber } from './check-names.ts';
import type { ProblemList } from './problem-list.ts';

const BATCH_ROWS_MAX = 65_536;
const QUEUE_ROWS_MAX = 1_000_000;
const INSTANCES_MAX = 32;
const THREADS_MAX = 64;
const PREFERRED_SIZES_MAX = 16;
const MINIMUM_WAIT_MAX_MS = 1_000;
const CACHE_ROWS_MAX = 10_000_000;
const CACHE_TTL_MAX_MS = 24 * 3_600_000;

const limits = {
  batchRowsMax: BATCH_ROWS_MAX,
  queueRowsMax: QUEUE_ROWS_MAX,
  instances: INSTANCES_MAX,
  threads: THREADS_MAX,
  cacheRowsMax: CACHE_ROWS_MAX,
} as const;

export function checkServing(serving: ServingPolicy, problems: ProblemList): void {
  for (const [name, to] of Object.entries(limits)) {
    const value = serving[name as keyof typeof limits];
    if (value !== undefined) checkWholeNumber(name, value, { from: 1, to }, problems);
  }
  const { batchRowsMax, queueRowsMax, minimumWait, preferredRows, cache, cacheTtl } = serving;
  if (minimumWait !== undefined) checkDuration('minimumWait', minimumWait, { fromMs: 1, toMs: MINIMUM_WAIT_MAX_MS }, problems);
  if (cacheTtl !== undefined) checkDuration('cacheTtl', cacheTtl, { fromMs: 1, toMs: CACHE_TTL_MAX_MS }, problems);
  if (cache !== undefined && !cacheKinds.includes(cache)) {
    problems.add(`expected cache as one of ${cacheKinds.join(', ')}, found ${JSON.stringify(cache)}. Choose one.`);
  }
  if (batchRowsMax !== undefined && queueRowsMax !== undefined && queueRowsMax < batchRowsMax) {
    problems.add(`expected queueRowsMax of at least batchRowsMax (${batchRowsMax}), found ${queueRowsMax}. Let a whole batch wait.`);
  }
  if (preferredRows !== undefined) checkPreferredRows(preferredRows, serving, problems);
}

function checkPreferredRows(sizes: readonly number[], { batchRowsMax = BATCH_ROWS_MAX, minimumWait }: ServingPolicy, problems: ProblemList): void {
  const ascend = sizes.every((size, i) => Number.isInteger(size) && size >= 1 && size <= batchRowsMax && size > (sizes[i - 1] ?? 0));
  if (sizes.length < 1 || sizes.length > PREFERRED_SIZES_MAX || !ascend) {
    problems.add(
      `expected preferredRows as 1 to ${PREFERRED_SIZES_MAX} ascending whole numbers from 1 to ${batchRowsMax} (batchRowsMax), found [${sizes.join(', ')}]. Correct them.`,
    );
  }
  if (minimumWait === undefined) {
    problems.add(`expected a minimumWait with preferredRows, found none: without one an idle session runs whatever is there. Set it to '2ms', say, or leave preferredRows out.`);
  }
}
