import { request } from 'undici';
import { messageOf, MillraceError } from '../src/core/millrace-error.ts';
import {
  bucketCounts,
  countsSince,
  freshnessOf,
  type BucketCounts,
  type Freshness,
} from './shape/freshness.ts';

const METRIC = 'millrace_freshness_seconds';
/** What is told is of these last minutes, as far as the console was asked in them. */
const WINDOW_MS = 300_000;
/** Looks that are remembered lie this far apart, so that they are few. */
const SAMPLE_MS = 5_000;
const TIMEOUT_MS = 1_000;
const OK = 200;

export interface FreshnessReader {
  /** Null where no process tells, or none was busy. @throws MillraceError PROCESS_UNREACHABLE */
  read(): Promise<Freshness | null>;
}

interface Sample {
  readonly at: number;
  readonly counts: BucketCounts;
}

/** Takes the freshness of events from the metrics of the stream process; `metricsUrl` finds it, or answers null. */
export function createFreshnessReader(metricsUrl: () => Promise<string | null>): FreshnessReader {
  let samples: readonly Sample[] = [];
  return {
    async read() {
      const url = await metricsUrl();
      if (url === null) return null;
      const counts = bucketCounts(await readText(url), METRIC);
      const now = performance.now();
      const [oldest = null, ...later] = samples;
      // The oldest goes once the next one is old enough to stand for the window.
      const kept =
        oldest !== null && later[0] !== undefined && now - later[0].at >= WINDOW_MS ? later : samples;
      const newest = kept.at(-1);
      samples = newest !== undefined && now - newest.at < SAMPLE_MS ? kept : [...kept, { at: now, counts }];
      const since = kept[0];
      const recent =
        since === undefined
          ? null
          : freshnessOf(countsSince(since.counts, counts), Math.round(now - since.at));
      return recent ?? freshnessOf(counts, null);
    },
  };
}

async function readText(url: string): Promise<string> {
  try {
    const { statusCode, body } = await request(url, { headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS });
    const text = await body.text();
    if (statusCode !== OK) throw new Error(`it answered ${statusCode}`);
    return text;
  } catch (cause) {
    throw new MillraceError(
      'PROCESS_UNREACHABLE',
      `The metrics of the stream process do not answer at ${url}: ${messageOf(cause)}. Its log says why.`,
      { cause },
    );
  }
}
