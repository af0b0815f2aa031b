import { Context } from '@temporalio/activity';
import { ApplicationFailure } from '@temporalio/common';
import { emptyTally, type AuditTally } from '../../../src/contracts/audit.ts';
import type { Allocation } from '../../../src/contracts/allocation.ts';
import type { Experiment } from '../../../src/contracts/experiment.ts';
import { judgeRollout } from '../../../src/contracts/judge-rollout.ts';
import type { ShadowComparison } from '../../../src/contracts/shadow-comparison.ts';
import type { JsonValue } from '../../../src/core/json.ts';
import type {
  RetrainRequest,
  RolloutEvidence,
  RolloutPolicy,
  RolloutStage,
  TrainResult,
} from '../../../src/contracts/lifecycle.ts';
import { previousChampionOf } from '../../../src/registry/previous-champion.ts';
import type { StubbedActivities } from './workflow-stage.ts';

export interface LedgerLine {
  readonly action: string;
  readonly version: number | null;
  readonly champion: number | null;
  readonly actor: string;
  readonly reason: string;
  readonly details?: JsonValue;
}

export const noEvidence: RolloutEvidence = {
  decisions: 0,
  shadowAnswers: 0,
  candidateDecisions: 0,
  candidateOutcomes: 0,
  candidateErrors: 0,
  candidateLatencyP95Ms: null,
  championLatencyP95Ms: null,
  meanScoreDifference: null,
  candidateLogLoss: null,
  championLogLoss: null,
  logLossStandardError: null,
};

/** Evidence that lets any step pass. */
export const enoughEvidence: RolloutEvidence = {
  ...noEvidence,
  decisions: 10_000,
  shadowAnswers: 10_000,
  candidateOutcomes: 10_000,
  candidateLogLoss: 0.4,
  championLogLoss: 0.41,
};

const agreeing = { toNegative: 0, meanDistance: 0.01, distanceDeviation: 0.01, p95Distance: 0.02, maxDistance: 0.4 };

/** A shadow that agrees with the champion but for one carrier. */
export const flippedSegment: ShadowComparison = {
  overall: { ...agreeing, answers: 10_000, toPositive: 120 },
  ks: 0.05,
  segments: [{ ...agreeing, field: 'carrier', value: 'AA', isRest: false, answers: 200, toPositive: 120 }],
  judgedSegments: 1,
};

export const quickPolicy: RolloutPolicy = {
  shadowDecisions: 10,
  canaryShares: [0.1, 0.5],
  outcomesPerStep: 10,
  stepTimeoutMs: 60_000,
  pollIntervalMs: 20,
  maxLogLossIncrease: 0.01,
  maxErrorRate: 0.001,
  maxLatencyRatio: 3,
  maxMeanScoreDifference: 0.15,
  maxCanaryLogLossIncrease: 0.05,
  requireApproval: false,
  requireCertificate: false,
};

export const manual = (reason: string): RetrainRequest => ({ trigger: 'manual', reason, requestedBy: 'tester', dataCut: null });

const final = (type: string, message: string) => ApplicationFailure.create({ type, message, nonRetryable: true });
const POLL_MS = 20;

/** A registry, a serving fleet and a decision log in memory: what the workflows see of the world. */
export class StubWorld {
  allocation: Allocation | null = null;
  readonly ledger: LedgerLine[] = [];
  readonly trainings: RetrainRequest[] = [];
  versions = 0;
  /** What the decision log shows of a step. */
  evidence: (stage: RolloutStage, version: number) => RolloutEvidence = () => enoughEvidence;
  /** What training makes of the next version. */
  train: (version: number) => Promise<Partial<TrainResult>> = () => Promise.resolve({});
  /** What the registry says of a version that it has. */
  describe: (version: number) => Partial<TrainResult> = () => ({});
  /** Why serving refuses a version, or null. */
  refuses: (version: number) => string | null = () => null;
  /** What an audit finds in its last chunk; chunks before it find nothing. */
  audited: AuditTally = { ...emptyTally, decisions: 100, values: 400 };
  auditChunks = 1;
  readonly certified: string[] = [];
  /** Steps that were begun, and of each look what it was asked from: the step's place and the shadow's. */
  begun = 0;
  readonly looked: (readonly [kind: RolloutStage['kind'], since: number, shadowSince: number | undefined])[] = [];
  /** The experiment of each allocation that was ever set. */
  readonly experiments: (Experiment | null)[] = [];
  /** Versions whose loading was awaited. */
  readonly loaded: number[] = [];

  actions(): string[] {
    return this.ledger.map(({ action }) => action);
  }

  activities(): Partial<StubbedActivities> {
    return { ...this.registry(), ...this.rollout(), ...this.training(), ...this.audit() };
  }

  private registry(): Partial<StubbedActivities> {
    return {
      getAllocation: async () => this.allocation,
      setAllocation: async ({ expectedRevision, actor, action, reason, winner, ...change }) => {
        if ((this.allocation?.revision ?? null) !== expectedRevision) throw final('REGISTRY_REVISION_CONFLICT', 'changed meanwhile');
        const version = change.canary?.version ?? change.shadow ?? change.champion;
        this.ledger.push({ action, version, champion: change.champion, actor, reason, ...(winner ? { details: { winner } } : {}) });
        const experiment = change.experiment ? { startedAt: 1_000, changedAt: 1_000, ...change.experiment } : null;
        this.experiments.push(experiment);
        const { experiment: _, ...rest } = change;
        const next: Allocation = { ...rest, revision: (expectedRevision ?? 0) + 1, ...(experiment === null ? {} : { experiment }) };
        this.allocation = next;
        return next;
      },
      previousChampion: async () => previousChampionOf(this.ledger),
      recordLedger: async ({ action, version, actor, reason, details }) => {
        this.ledger.push({ action, version, champion: null, actor, reason, details });
      },
      describeVersion: async ({ version }) => {
        if (version > this.versions) throw final('MODEL_VERSION_NOT_FOUND', `no version ${version}`);
        return { ...this.described(version), ...this.describe(version) };
      },
      assertVersion: async ({ version }) => {
        if (version > this.versions) throw final('MODEL_VERSION_NOT_FOUND', `no version ${version}`);
      },
    };
  }

  private rollout(): Partial<StubbedActivities> {
    return {
      beginStep: async () => ({ since: ++this.begun, errorsBefore: 0 }),
      gatherEvidence: async ({ policy, stage, candidate, waitMs, since, shadowSince }) => {
        this.looked.push([stage.kind, since, shadowSince]);
        const deadline = Date.now() + waitMs;
        for (;;) {
          const evidence = this.evidence(stage, candidate);
          if (judgeRollout(policy, stage, evidence).verdict !== 'continue' || Date.now() >= deadline) return evidence;
          Context.current().heartbeat();
          await Context.current().sleep(POLL_MS);
        }
      },
      awaitServing: async ({ version }) => {
        const reason = this.refuses(version);
        if (reason !== null) throw final('SERVING_VERSION_REJECTED', reason);
        this.loaded.push(version);
      },
    };
  }

  private audit(): Partial<StubbedActivities> {
    return {
      planAudit: async ({ seed }) => ({ seqAfter: 0, seqTo: 100 * this.auditChunks, seed, drawnTo: null }),
      auditChunk: async ({ cursor, chain }) => {
        const next = { asOf: 0, seq: (cursor?.seq ?? 0) + 100 };
        const isLast = next.seq >= 100 * this.auditChunks;
        const tally = isLast ? this.audited : emptyTally;
        return { tally: { ...tally, chain: `${chain}+` }, cursor: isLast ? null : next };
      },
      certifyAudit: async ({ model, scope, tally }) => {
        this.certified.push(`${model} ${scope.variant ?? 'all'} ${tally.decisions} ${tally.chain}`);
        return { certificate: this.certified.length, digest: 'digest' };
      },
    };
  }

  private described(version: number): TrainResult {
    return {
      version,
      digest: `digest-${version}`,
      existed: true,
      candidateLogLoss: 0.4,
      championLogLoss: (this.allocation?.champion ?? null) === null ? null : 0.41,
      candidateAuc: 0.8,
      championAuc: 0.79,
    };
  }

  private training(): Partial<StubbedActivities> {
    return {
      buildTrainingSet: async ({ dataCut }) => ({
        trainingSet: { sha256: '0'.repeat(64), bytes: 1 },
        rows: 1_000,
        dataCut: dataCut ?? 1_000_000,
      }),
      trainAndRegister: async ({ request }) => {
        this.trainings.push(request);
        const made = await this.train(this.versions + 1);
        this.versions += 1;
        return { ...this.described(this.versions), existed: false, ...made };
      },
    };
  }
}

/** Stubs that ask for the world at each call, so that one set of workers serves many tests. */
export function activitiesOf(world: () => StubWorld): Partial<StubbedActivities> {
  type Run = (input: unknown) => Promise<unknown>;
  const names = Object.keys(new StubWorld().activities());
  return Object.fromEntries(
    names.map((name) => [name, (input: unknown) => (world().activities() as Readonly<Record<string, Run>>)[name]?.(input)]),
  );
}
