import { assertInvariant } from '../src/core/assert-invariant.ts';
import { parseDuration } from '../src/core/duration.ts';
import type { ServingPolicy } from '../src/define/model.ts';
import type { Caching } from './cache/create-score-cache.ts';

/** How the versions of one model are batched and run in this process. */
export interface Batching {
  /** Null leaves it to the version. */
  readonly batchRowsMax: number | null;
  readonly queueRowsMax: number;
  readonly minimumWaitMs: number;
  readonly preferredRows: readonly number[];
  readonly instances: number;
  /** Of one session. */
  readonly threads: number;
}

export interface BatchingSettings {
  readonly queueRowsMax: number;
  readonly minimumWaitMs: number;
}

/**
 * What a model's definition says, and the settings of the process where it says nothing. All sessions of a version together
 * have no more threads than there are cores: more only take the time from each other.
 * @param policy checked with its project
 */
export function batchingOf(policy: ServingPolicy = {}, settings: BatchingSettings, cores: number): Batching {
  const instances = Math.max(1, Math.min(policy.instances ?? 1, cores));
  return {
    batchRowsMax: policy.batchRowsMax ?? null,
    queueRowsMax: policy.queueRowsMax ?? settings.queueRowsMax,
    minimumWaitMs: policy.minimumWait === undefined ? settings.minimumWaitMs : milliseconds(policy.minimumWait),
    preferredRows: policy.preferredRows ?? [],
    instances,
    threads: Math.max(1, Math.min(policy.threads ?? 1, Math.floor(cores / instances))),
  };
}

/** How its scores are kept, in the same way. */
export function cachingOf(policy: ServingPolicy = {}, settings: Caching): Caching {
  return {
    cache: policy.cache ?? settings.cache,
    cacheRowsMax: policy.cacheRowsMax ?? settings.cacheRowsMax,
    cacheTtlMs: policy.cacheTtl === undefined ? settings.cacheTtlMs : milliseconds(policy.cacheTtl),
  };
}

function milliseconds(text: string): number {
  const ms = parseDuration(text);
  assertInvariant(ms !== undefined, `'${text}' passed the project's checks as a duration`);
  return ms;
}
