import { randomUUID } from 'node:crypto';
import { MillraceError } from '../core/millrace-error.ts';
import type { Clock } from '../core/clock.ts';
import type { Names } from '../contracts/names.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import type { KafkaClient } from '../infra/kafka.ts';
import type { OnlineStore } from './online-store.ts';
import type { EncodedState } from './state-cache.ts';
import {
  ABSENT_POSITION,
  decodePosition,
  encodePosition,
  type BackfillProgress,
  type ViewPosition,
} from './view-position.ts';

export interface LeaseDeps {
  readonly store: OnlineStore;
  readonly kafka: KafkaClient;
  readonly names: Names;
  readonly clock: Clock;
}

/** A rebuild that wrote nothing for so long is dead: anyone may begin another. */
export const LEASE_MS = 30_000;
const CLAIM_ATTEMPTS_MAX = 50;

/** What a rebuild writes in place of the position that it found. */
export interface LeaseStart {
  /** Where the live consumer goes on when nothing else is said; it holds no lease. */
  readonly base: ViewPosition;
  readonly backfill?: BackfillProgress;
}

/** The right of one process to write the states of a view partition: each write renews it, and nobody else's succeeds. */
export interface PartitionLease {
  readonly base: ViewPosition;
  /** As it was written last. */
  readonly backfill: BackfillProgress | undefined;
  /** Long before the lease ends: it wants a write, with states or without. */
  readonly isDue: boolean;
  /** Writes states, and how far a backfill is with them. */
  write(states: readonly EncodedState[], backfill?: BackfillProgress): Promise<void>;
  /** Ends the lease: the live consumer goes on from `position`. */
  finish(position: ViewPosition): Promise<void>;
}

/**
 * Replaces a partition's position by one that carries a lease, by compare-and-set, so that the live consumer's next
 * write fails and it waits. Every write of the lease changes the text that the next one expects: a process that lost its
 * lease can't write over its successor, and of two with one token only one goes on.
 *
 * @param token who holds it; a lease under the same token is taken over before it ends
 * @param begin says what to write, given the position that was found (null where there was none); null: nothing, and
 * `claimPartition` answers null. It is asked again where the live consumer wrote in between
 * @throws MillraceError STORE_REBUILD_BUSY while somebody else holds the lease; so do the lease's writes once it is lost
 */
export async function claimPartition<Start extends LeaseStart | null>(
  deps: Pick<LeaseDeps, 'store' | 'clock'>,
  program: ViewProgram,
  partition: number,
  token: string,
  begin: (found: ViewPosition | null) => Promise<Start>,
): Promise<PartitionLease | Extract<Start, null>> {
  for (let attempt = 0; attempt < CLAIM_ATTEMPTS_MAX; attempt++) {
    const text = await deps.store.readPositionText(program, partition);
    const position = decodePosition(text);
    const { rebuild } = position;
    if (rebuild !== undefined && rebuild.token !== token && rebuild.until > deps.clock())
      throw partitionBusy(program, partition);
    const start = await begin(text === ABSENT_POSITION ? null : position);
    if (start === null) return start as Extract<Start, null>;
    const lease = new Lease(deps, program, partition, { token, text, start, step: (rebuild?.step ?? -1) + 1 });
    if (await lease.take()) return lease;
  }
  throw partitionBusy(program, partition);
}

class Lease implements PartitionLease {
  readonly base: ViewPosition;
  readonly #deps: Pick<LeaseDeps, 'store' | 'clock'>;
  readonly #program: ViewProgram;
  readonly #partition: number;
  readonly #token: string;
  readonly #claim = randomUUID();
  #backfill: BackfillProgress | undefined;
  /** What the partition's position is, unless somebody else wrote. */
  #text: string;
  #step: number;
  #heldAt = -Infinity;

  constructor(
    deps: Pick<LeaseDeps, 'store' | 'clock'>,
    program: ViewProgram,
    partition: number,
    found: { token: string; text: string; step: number; start: LeaseStart },
  ) {
    this.#deps = deps;
    this.#program = program;
    this.#partition = partition;
    this.#token = found.token;
    this.#text = found.text;
    this.#step = found.step;
    this.base = found.start.base;
    this.#backfill = found.start.backfill;
  }

  get backfill(): BackfillProgress | undefined {
    return this.#backfill;
  }

  get isDue(): boolean {
    return this.#deps.clock() - this.#heldAt > LEASE_MS / 3;
  }

  /** @returns false where another one wrote since the position was read */
  take(): Promise<boolean> {
    return this.#renew([], this.#backfill);
  }

  async write(states: readonly EncodedState[], backfill = this.#backfill): Promise<void> {
    if (!(await this.#renew(states, backfill))) throw partitionBusy(this.#program, this.#partition);
    this.#backfill = backfill;
  }

  async finish(position: ViewPosition): Promise<void> {
    if (!(await this.#put(position, []))) throw partitionBusy(this.#program, this.#partition);
  }

  async #renew(states: readonly EncodedState[], backfill: BackfillProgress | undefined): Promise<boolean> {
    const now = this.#deps.clock();
    const lease = { token: this.#token, claim: this.#claim, until: now + LEASE_MS, step: this.#step++ };
    const position = { ...this.base, rebuild: backfill === undefined ? lease : { ...lease, backfill } };
    const done = await this.#put(position, states);
    if (done) this.#heldAt = now;
    return done;
  }

  async #put(position: ViewPosition, states: readonly EncodedState[]): Promise<boolean> {
    const text = encodePosition(position);
    const write = { expected: this.#text, position: text, states };
    const done = await this.#deps.store.writePartition(this.#program, this.#partition, write);
    if (done) this.#text = text;
    return done;
  }
}

/** The position to go on from: what was there, unless Kafka's topic does not reach it any more. */
export async function withinTopic(
  deps: Pick<LeaseDeps, 'kafka' | 'names'>,
  program: ViewProgram,
  partition: number,
  position: ViewPosition | null,
): Promise<ViewPosition> {
  const offsets = await deps.kafka.topicOffsets(deps.names.viewTopic(program.name, program.version));
  const kept = offsets.find((o) => o.partition === partition);
  const beforeOldest = (kept?.earliest ?? 0) - 1;
  const end = kept?.end ?? 0;
  if (position === null || position.viewOffset < beforeOldest || position.viewOffset >= end) {
    return { viewOffset: beforeOldest, watermarks: {}, newestKnownTime: null };
  }
  return {
    viewOffset: position.viewOffset,
    watermarks: position.watermarks,
    newestKnownTime: position.newestKnownTime,
  };
}

export const partitionBusy = ({ name, version }: Pick<ViewProgram, 'name' | 'version'>, partition: number): MillraceError =>
  new MillraceError(
    'STORE_REBUILD_BUSY',
    `View '${name}' version ${version}, partition ${partition}, is being rebuilt by another process, or its consumer writes without a pause. Wait for it, then try again.`,
  );
