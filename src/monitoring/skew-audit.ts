import { setTimeout as sleep } from 'node:timers/promises';
import {
  emptyTally,
  mergeTallies,
  type AuditCursor,
  type AuditMismatch,
  type AuditPlan,
  type AuditScope,
  type AuditTally,
} from '../contracts/audit.ts';
import type { Model } from '../define/model.ts';
import { compileService, type ServiceProgram } from '../fold/compile-service.ts';
import { sha256Hex } from '../infra/artifacts.ts';
import type { Postgres } from '../infra/postgres.ts';
import { ONE_STATE, withColdRows } from '../store/cold-log/with-cold-rows.ts';
import { readIngestPositions } from '../store/ingest-positions.ts';
import { serviceDigest } from '../store/service-digest.ts';
import { readWindowEvents } from '../store/sql/window-events.ts';
import { compareRows } from './skew-audit-compare.ts';
import { readServedDecisions, type ServedDecision } from './skew-audit-decisions.ts';
import { coldRequests, keyParts, recomputeRows, type RecomputedRows } from './skew-audit-rows.ts';
import { replayedFeatures } from './skew-audit-witness.ts';

/** Decisions of one query: enough to share the reading of their events, few enough for its memory. */
const AUDIT_BATCH_DECISIONS = 4_000;
/** Events of a mismatch that are named. */
const EVENTS_LISTED_MAX = 10;
/** The fold may be ahead of the offline log by one batch of ingest: so long the log is waited for. */
const LOG_WAIT_MS = 5_000;
const LOG_POLL_MS = 200;

export interface SkewAuditRequest {
  readonly model: Model;
  readonly scope: AuditScope;
  readonly plan: AuditPlan;
  /** Where the chunk before ended; null: at the beginning. */
  readonly cursor: AuditCursor | null;
  /** The chain that the chunk before ended with. */
  readonly chain: string;
  readonly decisionsMax: number;
  /**
   * The feature service of a digest that is not the model's present one: decisions are recomputed by the definitions that
   * they were made with. Null where it can't be made again; absent: there is none.
   */
  readonly serviceOf?: (digest: string) => Promise<ServiceProgram | null>;
}

export interface AuditedChunk {
  readonly tally: AuditTally;
  /** Null: there are no more. */
  readonly cursor: AuditCursor | null;
}

export interface SkewAuditOptions {
  readonly signal?: AbortSignal;
  readonly onBatch?: (cursor: AuditCursor, decisions: number) => void;
}

/**
 * Audits the next decisions of a plan: recomputes each row from the raw rows, by SQL or, for sketches, by a fold of its
 * own, up to exactly the fences that were read, and as known at the decision time, and compares it with what was served.
 * @throws MillraceError FEATURE_ON_DEMAND_FAILED, STORE_UNAVAILABLE
 */
export async function auditChunk(
  db: Postgres,
  request: SkewAuditRequest,
  { signal, onBatch }: SkewAuditOptions = {},
): Promise<AuditedChunk> {
  const { model, scope, plan, decisionsMax } = request;
  const services = new ServicesByDigest(compileService(model.service), request.serviceOf);
  let tally: AuditTally = { ...emptyTally, chain: request.chain };
  let { cursor } = request;
  for (let left = decisionsMax; left > 0; ) {
    signal?.throwIfAborted();
    const wanted = Math.min(AUDIT_BATCH_DECISIONS, left);
    const page = await readServedDecisions(db, model.name, scope, plan, cursor, wanted);
    const byService = await services.sort(page);
    let skipped = page.length;
    for (const [program, fitting] of byService) {
      skipped -= fitting.length;
      const { settled, pending } = await settle(db, program, fitting);
      const audited = await auditBatch(db, program, settled, tally.chain);
      tally = mergeTallies(tally, { ...audited, pending, replayedFeatures: replayedFeatures(program) });
    }
    tally = mergeTallies(tally, { ...emptyTally, chain: tally.chain, skipped });
    const last = page.at(-1);
    if (last === undefined || page.length < wanted) return { tally, cursor: null };
    cursor = { asOf: last.asOf, seq: last.seq };
    left -= page.length;
    onBatch?.(cursor, tally.decisions);
  }
  return { tally, cursor };
}

/** Finds the definitions that decisions were made with. */
class ServicesByDigest {
  readonly #programs = new Map<string, ServiceProgram | null>();
  readonly #serviceOf: SkewAuditRequest['serviceOf'];

  constructor(present: ServiceProgram, serviceOf: SkewAuditRequest['serviceOf']) {
    this.#programs.set(serviceDigest(present), present);
    this.#serviceOf = serviceOf;
  }

  /** The decisions by service, in their order; those whose service can't be made again, or whose row is not its, are left out. */
  async sort(decisions: readonly ServedDecision[]): Promise<Map<ServiceProgram, ServedDecision[]>> {
    const sorted = new Map<ServiceProgram, ServedDecision[]>();
    for (const decision of decisions) {
      const program = decision.serviceDigest === null ? null : await this.#of(decision.serviceDigest);
      if (program === null || !fits(program, decision)) continue;
      const same = sorted.get(program);
      if (same === undefined) sorted.set(program, [decision]);
      else same.push(decision);
    }
    return sorted;
  }

  async #of(digest: string): Promise<ServiceProgram | null> {
    let program = this.#programs.get(digest);
    if (program === undefined) {
      program = (await this.#serviceOf?.(digest)) ?? null;
      this.#programs.set(digest, program);
    }
    return program;
  }
}

const fits = (program: ServiceProgram, decision: ServedDecision): boolean =>
  decision.numbers.length === program.numericNames.length &&
  decision.categories.length === program.categoryNames.length;

async function auditBatch(
  db: Postgres,
  program: ServiceProgram,
  decisions: readonly ServedDecision[],
  chain: string,
): Promise<AuditTally> {
  if (decisions.length === 0) return { ...emptyTally, chain };
  const [upToFences, asKnown] = await recomputeRows(db, program, decisions);
  const compared = compareRows(program, decisions, upToFences, asKnown);
  const mismatches: AuditMismatch[] = [];
  for (const mismatch of compared.mismatches) mismatches.push(await withEvents(db, program, decisions, mismatch));
  return {
    ...emptyTally,
    ...compared,
    mismatches,
    decisions: decisions.length,
    from: decisions[0]?.asOf ?? null,
    to: decisions.at(-1)?.asOf ?? null,
    chain: nextChain(chain, program, decisions, upToFences),
  };
}

async function withEvents(
  db: Postgres,
  program: ServiceProgram,
  decisions: readonly ServedDecision[],
  mismatch: AuditMismatch,
): Promise<AuditMismatch> {
  const view = program.views.find((candidate) => candidate.name === mismatch.view)?.view;
  const decision = decisions.find((candidate) => candidate.id === mismatch.decision);
  if (view === undefined || decision === undefined) return mismatch;
  const fence = decision.reads.find((read) => read.view === view.name)?.fence ?? {};
  const row = { key: keyParts(view.entity.keys, decision.instance), asOf: decision.asOf, fence };
  const feature = mismatch.feature.slice(view.name.length + 1);
  const events = await db.transaction(async (tx) => {
    await tx.query(ONE_STATE);
    const warm = await withColdRows(db, tx, coldRequests(program, [decision]));
    return readWindowEvents(warm, view, feature, row, EVENTS_LISTED_MAX);
  });
  return { ...mismatch, events };
}

/** Decisions whose reads saw only what the offline log has, after a short wait for it; the others are counted. */
async function settle(
  db: Postgres,
  program: ServiceProgram,
  decisions: readonly ServedDecision[],
): Promise<{ settled: ServedDecision[]; pending: number }> {
  for (let waitedMs = 0; ; waitedMs += LOG_POLL_MS) {
    const isSettled = await createSettledTest(db, program);
    const settled = decisions.filter(isSettled);
    if (settled.length === decisions.length || waitedMs >= LOG_WAIT_MS)
      return { settled, pending: decisions.length - settled.length };
    await sleep(LOG_POLL_MS);
  }
}

async function createSettledTest(
  db: Postgres,
  program: ServiceProgram,
): Promise<(decision: ServedDecision) => boolean> {
  const nextOffsets = new Map<string, ReadonlyMap<string, number>>();
  for (const { view } of program.views) {
    if (nextOffsets.has(view.source.name)) continue;
    const positions = await readIngestPositions(db, view.source.name);
    nextOffsets.set(view.source.name, new Map(positions.map((p) => [String(p.partition), p.nextOffset])));
  }
  const nextOf = new Map(program.views.map(({ name, view }) => [name, nextOffsets.get(view.source.name)]));
  return ({ reads }) =>
    reads.every(({ view, fence }) =>
      Object.entries(fence).every(([partition, offset]) => offset < (nextOf.get(view)?.get(partition) ?? 0)),
    );
}

function nextChain(
  chain: string,
  program: ServiceProgram,
  decisions: readonly ServedDecision[],
  { numbers }: RecomputedRows,
): string {
  const width = program.numericNames.length;
  const bytesOf = (row: Float32Array): Buffer => Buffer.from(row.buffer, row.byteOffset, row.byteLength);
  return sha256Hex(
    Buffer.concat([
      Buffer.from(chain),
      ...decisions.flatMap(({ id, numbers: served }, i) => [
        Buffer.from(id),
        bytesOf(served),
        bytesOf(numbers.subarray(i * width, (i + 1) * width)),
      ]),
    ]),
  );
}
