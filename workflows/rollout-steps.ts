import { CancellationScope, condition, executeChild, getExternalWorkflowHandle, isCancellation, workflowInfo } from '@temporalio/workflow';
import { describeTally, everyDecision, type AuditResult } from '../src/contracts/audit.ts';
import type { Allocation } from '../src/contracts/allocation.ts';
import { describeComparison } from '../src/contracts/judge-shadow.ts';
import { judgeRollout, type Judgement } from '../src/contracts/judge-rollout.ts';
import {
  lifecycleSignals,
  type LifecycleProgress,
  type OperatorNote,
  type RolloutEvidence,
  type RolloutInput,
  type RolloutResult,
  type RolloutStage,
  type TrainResult,
  workflowIds,
} from '../src/contracts/lifecycle.ts';
import type { ShadowComparison } from '../src/contracts/shadow-comparison.ts';
import { registryActivities, rolloutActivities, servingActivities } from './activity-proxies.ts';
import { auditSkew } from './audit-skew.ts';
import { failedWith } from './failure-text.ts';
import { showProgress, startAttributes } from './show-progress.ts';

/** Wait of one evidence activity; longer in a step that would need more of them. */
const EVIDENCE_WAIT_MS = 300_000;
/** Of one step: each adds six events to a history that may have 51,200, and a rollout has up to 21 steps. */
const LOOKS_MAX = 300;
const RESTORE_ATTEMPTS_MAX = 5;
/** Canary decisions that a certificate is made from; of more, so many are drawn at random. */
const CERTIFIED_DECISIONS_MAX = 50_000;

type Shares = Pick<Allocation, 'champion' | 'canary' | 'shadow'>;

/** One candidate's way into production. */
export class Rollout {
  approval: OperatorNote | undefined;
  /** As the shadow's step last saw it. */
  comparison: ShadowComparison | null = null;
  private readonly input: RolloutInput;
  private readonly registry: ReturnType<typeof registryActivities>;
  private readonly evidence: ReturnType<typeof rolloutActivities>;
  private revision: number | null = null;
  private shadowSince: number | undefined;

  constructor(input: RolloutInput) {
    this.input = input;
    this.registry = registryActivities(input.namespace);
    this.evidence = rolloutActivities(input.namespace);
  }

  /** Up to promotion, or to the verdict that ends it; leaves the allocation as the last step had it. */
  async climb(): Promise<RolloutResult> {
    const { model, version, champion } = this.input;
    showProgress({ model, version, trigger: this.input.trigger, phase: 'rolling-out' });
    const present = await this.registry.getAllocation({ model });
    this.revision = present?.revision ?? null;
    if ((present?.champion ?? null) !== champion) {
      return this.end('cancelled', `the champion is ${present?.champion ?? 'none'}, not ${champion ?? 'none'} as when the rollout was decided`);
    }
    const proven = champion === null ? await this.verifyFirst() : await this.prove(champion);
    // A first version has served nothing that could be audited.
    const isCertified = this.input.policy.requireCertificate && champion !== null;
    const verdict = proven.verdict === 'promoted' && isCertified ? await this.certify(proven.reason) : proven;
    if (verdict.verdict !== 'promoted') return verdict;
    if (this.input.policy.requireApproval) await this.awaitApproval(verdict.reason);
    const approved = this.approval === undefined ? '' : `, approved by ${this.approval.requestedBy}: ${this.approval.reason}`;
    const reason = `${verdict.reason}${approved}`;
    await this.allocate({ champion: version, canary: null, shadow: null }, 'promote', reason);
    return this.end('promoted', reason);
  }

  /** Nothing to compare with: every serving process must load and verify it before it takes traffic. */
  private async verifyFirst(): Promise<RolloutResult> {
    const { version } = this.input;
    await this.allocate({ champion: null, canary: null, shadow: version }, 'verify', 'first version: loaded and verified before it takes traffic');
    await this.awaitServing();
    return this.end('promoted', 'first version: no champion to compare with; every serving process loaded and verified it');
  }

  private async prove(champion: number): Promise<RolloutResult> {
    const { version, policy } = this.input;
    const stages: RolloutStage[] = [
      ...(policy.shadowDecisions > 0 ? [{ kind: 'shadow' as const }] : []),
      ...policy.canaryShares.map((share) => ({ kind: 'canary' as const, share })),
    ];
    let last = stages.length === 0 ? 'the policy asks for no step' : holdoutOf(this.input.training);
    for (const stage of stages) {
      const shares: Shares =
        stage.kind === 'shadow'
          ? { champion, canary: null, shadow: version }
          : { champion, canary: { version, share: stage.share }, shadow: null };
      await this.allocate(shares, stage.kind, `${nameOf(stage)}: ${last}`);
      await this.awaitServing();
      await this.report('rolling-out', nameOf(stage), last);
      const judgement = await this.runStep(champion, stage);
      if (judgement.verdict === 'breach') return this.end('rolled-back', `${nameOf(stage)}: ${judgement.reason}`);
      if (judgement.verdict === 'continue') {
        return this.end('inconclusive', `${nameOf(stage)}: only ${judgement.reason} within ${policy.stepTimeoutMs} ms`);
      }
      last = judgement.reason;
    }
    return this.end('promoted', last);
  }

  /** Recomputes what the candidate was given as canary from the raw rows: evidence from wrong rows proves nothing. */
  private async certify(reason: string): Promise<RolloutResult> {
    const { namespace, model, version } = this.input;
    await this.report('rolling-out', 'audit', `of the decisions of canary ${version}`);
    const { verdict, certificate, tally }: AuditResult = await executeChild(auditSkew, {
      ...startAttributes({ model, version, trigger: this.input.trigger }),
      workflowId: workflowIds.auditSkew(namespace, model, `rollout-${version}-${workflowInfo().runId}`),
      staticSummary: `Audit what ${model} version ${version} served as canary`,
      args: [
        {
          namespace,
          model,
          scope: { ...everyDecision, version, variant: 'canary', sample: CERTIFIED_DECISIONS_MAX },
          requestedBy: workflowInfo().workflowId,
        },
      ],
    });
    const found = `audit of the canary: ${describeTally(tally)}`;
    if (verdict === 'clean') return this.end('promoted', `${reason}, ${found} (certificate ${certificate})`);
    return this.end(verdict === 'mismatched' ? 'rolled-back' : 'inconclusive', found);
  }

  /** `continue` at the end means that the step's time is up. */
  private async runStep(champion: number, stage: RolloutStage): Promise<Judgement> {
    const { model, version: candidate, policy } = this.input;
    const beginning = await this.evidence.beginStep({ model, candidate });
    if (stage.kind === 'shadow') this.shadowSince = beginning.since;
    const shadow = this.shadowSince === undefined ? {} : { shadowSince: this.shadowSince };
    const deadline = Date.now() + policy.stepTimeoutMs;
    const lookMs = Math.max(EVIDENCE_WAIT_MS, policy.stepTimeoutMs / LOOKS_MAX);
    let errorsSeen: RolloutEvidence['errorsSeen'];
    for (;;) {
      const waitMs = Math.max(0, Math.min(lookMs, deadline - Date.now()));
      const evidence = await this.evidence.gatherEvidence({ ...beginning, ...shadow, ...(errorsSeen && { errorsSeen }), model, candidate, champion, stage, policy, waitMs });
      errorsSeen = evidence.errorsSeen;
      this.comparison = evidence.comparison ?? this.comparison;
      const judgement = judgeRollout(policy, stage, evidence);
      const compared = judgement.verdict === 'continue' && evidence.comparison ? `: ${describeComparison(evidence.comparison)}` : '';
      showProgress({}, `${nameOf(stage)}: ${judgement.verdict}, ${judgement.reason}${compared}`);
      if (judgement.verdict !== 'continue' || Date.now() >= deadline) return judgement;
    }
  }

  private async awaitApproval(reason: string): Promise<void> {
    await this.report('awaiting-approval', 'awaiting approval', reason);
    await condition(() => this.approval !== undefined);
  }

  private awaitServing(): Promise<void> {
    return servingActivities(this.input.namespace).awaitServing({
      model: this.input.model,
      version: this.input.version,
      revision: this.revision ?? 0,
    });
  }

  /** Not given up half-way: one that is written after the rollout was ended would be there for good. What follows it is cancelled. */
  private async allocate(shares: Shares, action: string, reason: string): Promise<void> {
    const set = await CancellationScope.nonCancellable(() =>
      this.registry.setAllocation({
        model: this.input.model,
        expectedRevision: this.revision,
        ...shares,
        actor: workflowInfo().workflowId,
        action,
        reason,
      }),
    );
    this.revision = set.revision;
  }

  /** Takes the candidate out again, whatever the step was, and writes the verdict into the ledger. */
  async restore({ verdict, reason }: RolloutResult): Promise<void> {
    const { model, version, champion } = this.input;
    for (let attempt = 1; ; attempt++) {
      const present = await this.registry.getAllocation({ model });
      const serves = [present?.champion, present?.canary?.version, present?.shadow].includes(version);
      if (present === null || !serves) break;
      this.revision = present.revision;
      try {
        const before = present.champion === version ? champion : present.champion;
        await this.allocate({ champion: before, canary: null, shadow: null }, 'restore', `${verdict}: ${reason}`);
        break;
      } catch (error) {
        if (!failedWith(error, 'REGISTRY_REVISION_CONFLICT') || attempt === RESTORE_ATTEMPTS_MAX) throw error;
      }
    }
    await this.registry.recordLedger({
      model,
      version,
      actor: workflowInfo().workflowId,
      action: 'verdict',
      reason: `Rollout of version ${version} ended ${verdict}: ${reason}.`,
      details: {
        verdict,
        trigger: this.input.trigger,
        champion,
        ...(this.comparison === null ? {} : { shadow: describeComparison(this.comparison) }),
      },
    });
  }

  /** Shows the verdict where the rollout is looked up. */
  conclude(result: RolloutResult): void {
    showProgress({ verdict: result.verdict, phase: 'idle' }, `**${result.verdict}**: ${result.reason}`);
  }

  private async report(phase: LifecycleProgress['phase'], what: string, why: string): Promise<void> {
    showProgress({ phase }, `${what}: ${why}`);
    const parent = workflowInfo().parent;
    if (parent === undefined) return;
    const progress: LifecycleProgress = { phase, version: this.input.version, what, why };
    // A lifecycle that is gone must not stop the rollout that it started.
    await getExternalWorkflowHandle(parent.workflowId)
      .signal(lifecycleSignals.progress, progress)
      .catch((error: unknown) => {
        if (isCancellation(error)) throw error;
      });
  }

  private end(verdict: RolloutResult['verdict'], reason: string): RolloutResult {
    return { verdict, version: this.input.version, reason };
  }
}

function holdoutOf({ candidateLogLoss, championLogLoss }: TrainResult): string {
  const champion = championLogLoss === null ? '' : ` against the champion's ${championLogLoss.toFixed(4)}`;
  return candidateLogLoss === null ? 'never evaluated' : `hold-out log loss ${candidateLogLoss.toFixed(4)}${champion}`;
}

const nameOf = (stage: RolloutStage): string =>
  stage.kind === 'shadow' ? 'shadow' : `canary at ${Math.round(stage.share * 1000) / 10} %`;
