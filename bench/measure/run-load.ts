import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeFor, openConnection, type LoadConnection } from './load-connection.ts';
import { STAMP, type LoadFigures, type LoadSpec, type OpenLoop, type Quantiles } from './load-spec.ts';
import { quantile } from './quantile.ts';
import { createStamps, writeStamp } from './stamps.ts';

const WARM_UP_SECONDS = 1;
const WARM_UP_MS_MAX = 30_000;
const WARM_UP_POLL_MS = 50;
/** An open loop opens connections as it needs them, up to here where it is not told otherwise. */
const OPEN_CONNECTIONS_MAX = 4_096;
const OPEN_CONNECTIONS_FIRST = 16;
/** Of an open loop's steps, where nothing is due; answers that come meanwhile are seen so much later. */
const PAUSE_MS = 0.1;
const pause = new Int32Array(new SharedArrayBuffer(4));
/** What has not been answered by then after an open loop's end counts as lost. */
const LAST_ANSWERS_MS = 3_000;

/** A connection, and when its request was due. */
interface Lane {
  readonly connection: LoadConnection;
  readonly request: (turn: number) => Uint8Array;
  dueAt: number;
}

/** Answers, of requests that were due when it counted. */
class Tally {
  readonly ms: number[] = [];
  readonly refusalMs: number[] = [];
  readonly failures: Record<number, number> = {};
  answered = 0;
  from = Infinity;
  to = Infinity;

  count(status: number, dueAt: number): void {
    if (status > 0) this.answered += 1;
    if (dueAt < this.from || dueAt > this.to) return;
    if (status === 200) {
      this.ms.push(performance.now() - dueAt);
      return;
    }
    this.failures[status] = (this.failures[status] ?? 0) + 1;
    if (status > 0) this.refusalMs.push(performance.now() - dueAt);
  }
}

/** Puts a load on a server from this process and measures it. */
export async function runLoad(spec: LoadSpec): Promise<LoadFigures> {
  const tally = new Tally();
  const requests = createRequests(spec);
  const busy = spec.loop.kind === 'closed' ? await runClosed(spec, spec.loop.connections, requests, tally) : await runOpen(spec, spec.loop, requests, tally);
  return {
    rate: tally.ms.length / spec.seconds,
    inTimeRate: tally.ms.filter((ms) => ms <= (spec.inTimeMs ?? Infinity)).length / spec.seconds,
    answered: tally.answered,
    refusedRate: Object.values(tally.failures).reduce((sum, count) => sum + count, 0) / spec.seconds,
    failures: tally.failures,
    ms: quantilesOf(tally.ms),
    refusalMs: quantilesOf(tally.refusalMs),
    busy,
  };
}

const quantilesOf = (ms: readonly number[]): Quantiles => ({ p50: quantile(ms, 0.5), p95: quantile(ms, 0.95), p99: quantile(ms, 0.99) });

/** @returns for each connection what makes its requests */
function createRequests({ url, headers = {}, bodies, stamp }: LoadSpec): () => Lane['request'] {
  const encoded = bodies.map((body) => encodeFor(new URL(url), headers, body));
  if (stamp === undefined) return () => (turn) => encoded[turn % encoded.length]!;
  const [only] = encoded as [Buffer];
  const at = only.indexOf(STAMP);
  const next = createStamps(stamp);
  return () => {
    // Of its own: the bytes of the request before may not have left yet on another connection.
    const own = Buffer.from(only);
    return () => {
      writeStamp(own, at, next());
      return own;
    };
  };
}

async function runClosed(spec: LoadSpec, connections: number, requests: () => Lane['request'], tally: Tally): Promise<number> {
  const lanes = new Set<Lane>();
  let turn = 0;
  let ended = false;
  const send = (lane: Lane): void => {
    lane.dueAt = performance.now();
    lane.connection.send(lane.request(turn++));
  };
  const open = (): void => {
    const connection = openConnection(
      new URL(spec.url),
      (status) => {
        tally.count(status, lane.dueAt);
        if (!ended && lanes.has(lane)) send(lane);
      },
      () => {
        // A server may close a connection; the next one takes its place.
        if (lanes.delete(lane) && !ended) setTimeout(open, 1);
      },
    );
    const lane: Lane = { connection, request: requests(), dueAt: 0 };
    lanes.add(lane);
    send(lane);
  };
  for (let i = 0; i < connections; i++) open();
  await warmUp(spec, tally);
  tally.from = performance.now();
  const before = performance.eventLoopUtilization();
  await sleep(spec.seconds * 1_000);
  tally.to = performance.now();
  ended = true;
  const { utilization } = performance.eventLoopUtilization(before);
  for (const { connection } of lanes) connection.close();
  return utilization;
}

async function warmUp({ warmUpSeconds = WARM_UP_SECONDS, warmUpAnswers }: LoadSpec, tally: Tally): Promise<void> {
  if (warmUpAnswers === undefined) return await sleep(warmUpSeconds * 1_000);
  for (const giveUpAt = performance.now() + WARM_UP_MS_MAX; tally.answered < warmUpAnswers && performance.now() < giveUpAt; ) await sleep(WARM_UP_POLL_MS);
}

async function runOpen(spec: LoadSpec, { rate, givesUp = false, connectionsMax = OPEN_CONNECTIONS_MAX }: OpenLoop, requests: () => Lane['request'], tally: Tally): Promise<number> {
  const idle: Lane[] = [];
  const lanes = new Set<Lane>();
  const waiting: number[] = [];
  const counted = { due: 0, answered: 0 };
  let firstWaiting = 0;
  let turn = 0;
  const give = (lane: Lane, dueAt: number): void => {
    lane.dueAt = dueAt;
    lane.connection.send(lane.request(turn++));
  };
  const giveUp = (dueAt: number): void => {
    counted.answered += 1;
    tally.count(0, dueAt);
  };
  const open = (): Lane => {
    const connection = openConnection(
      new URL(spec.url),
      (status) => {
        counted.answered += 1;
        tally.count(status, lane.dueAt);
        if (!lanes.has(lane)) return;
        const next = waiting[firstWaiting];
        if (next === undefined) idle.push(lane);
        else {
          firstWaiting += 1;
          give(lane, next);
        }
      },
      () => void lanes.delete(lane),
    );
    const lane: Lane = { connection, request: requests(), dueAt: 0 };
    lanes.add(lane);
    return lane;
  };
  const takeIdle = (): Lane | undefined => {
    for (let lane = idle.pop(); lane !== undefined; lane = idle.pop()) if (lanes.has(lane)) return lane;
    return lanes.size < connectionsMax ? open() : undefined;
  };
  for (let i = 0; i < OPEN_CONNECTIONS_FIRST; i++) idle.push(open());
  const warmUpMs = (spec.warmUpSeconds ?? WARM_UP_SECONDS) * 1_000;
  const startedAt = performance.now();
  tally.from = startedAt + warmUpMs;
  const total = Math.floor((rate * (warmUpMs + spec.seconds * 1_000)) / 1_000);
  await new Promise<void>((resolve) => {
    // A timer's millisecond would be the better part of what is measured, and a loop without pauses takes the core from Redis and Kafka.
    const step = (): void => {
      const elapsedMs = performance.now() - startedAt;
      const due = Math.min(total, (elapsedMs * rate) / 1_000);
      if (counted.due >= due) Atomics.wait(pause, 0, 0, PAUSE_MS);
      for (; counted.due < due; counted.due++) {
        const dueAt = startedAt + (counted.due * 1_000) / rate;
        const lane = takeIdle();
        if (lane !== undefined) give(lane, dueAt);
        else if (givesUp) giveUp(dueAt);
        else waiting.push(dueAt);
      }
      if (counted.due < total) setImmediate(step);
      else resolve();
    };
    step();
  });
  for (const giveUpAt = performance.now() + LAST_ANSWERS_MS; counted.answered < total && performance.now() < giveUpAt; ) await sleep(5);
  if (counted.answered < total) tally.failures[0] = (tally.failures[0] ?? 0) + total - counted.answered;
  for (const { connection } of lanes) connection.close();
  return Number.NaN;
}
