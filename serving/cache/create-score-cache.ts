import type { CacheKind } from '../../src/define/model.ts';
import type { Names } from '../../src/contracts/names.ts';
import type { Logger } from '../../src/infra/logger.ts';
import type { Redis } from '../../src/infra/redis.ts';
import type { Timers } from '../batcher/timers.ts';
import { LOOK_WINDOW_ROWS_MIN, LookSampling } from './look-sampling.ts';
import { ScoreCache, type CacheOutcome } from './score-cache.ts';
import { SharedScores } from './shared-scores.ts';

/** How the versions of one model keep scores in this process. */
export interface Caching {
  readonly cache: CacheKind;
  readonly cacheRowsMax: number;
  readonly cacheTtlMs: number;
}

export interface ScoreCacheDeps {
  readonly caching: Caching;
  readonly redis: Redis;
  readonly names: Names;
  readonly timers: Timers;
  readonly logger: Logger;
}

/** The cache of one model version as it is wanted: none, in this process, or beside that in Redis too. */
export function createScoreCache(
  { caching, redis, names, timers, logger }: ScoreCacheDeps,
  digest: string,
  columns: number,
  onRows: (outcome: CacheOutcome, rows: number) => void,
): ScoreCache | null {
  const { cache, cacheRowsMax: rowsMax, cacheTtlMs: ttlMs } = caching;
  if (cache === 'off') return null;
  const keyOf = (of: string, rowHash: string): string => names.scoreKey(of, rowHash);
  const shared = cache === 'redis' ? new SharedScores({ redis, keyOf, digest, columns, ttlMs, timers, logger }) : null;
  const sampling = new LookSampling(Math.max(rowsMax, LOOK_WINDOW_ROWS_MIN));
  return new ScoreCache({ columns, rowsMax, ttlMs, shared, sampling, timers, onRows });
}
