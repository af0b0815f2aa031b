import { continueAsNew, defineQuery, setHandler, workflowInfo } from '@temporalio/workflow';
import {
  auditProgress,
  auditQueries,
  auditVerdict,
  describeTally,
  emptyTally,
  mergeTallies,
  type AuditCursor,
  type AuditInput,
  type AuditPlan,
  type AuditProgress,
  type AuditResult,
  type AuditTally,
} from '../src/contracts/audit.ts';
import { auditActivities } from './activity-proxies.ts';
import { showProgress } from './show-progress.ts';

/** Decisions of one activity: what a worker that dies loses. */
const CHUNK_DECISIONS = 4_000;

/**
 * Recomputes served decisions from the raw rows, chunk by chunk, and stores a certificate of what it found. The
 * workflow is the cursor: whatever dies, the audit goes on where it was.
 */
export async function auditSkew(input: AuditInput): Promise<AuditResult> {
  const { namespace, model, scope } = input;
  const audit = auditActivities(namespace);
  const { firstExecutionRunId: runKey, workflowId: actor } = workflowInfo();
  let plan: AuditPlan | null = input.carried?.plan ?? null;
  let tally: AuditTally = input.carried?.tally ?? emptyTally;
  setHandler(defineQuery<AuditProgress>(auditQueries.progress), () => auditProgress(plan, tally));
  showProgress({ model, phase: 'auditing', ...(scope.version === null ? {} : { version: scope.version }) });
  plan ??= await audit.planAudit({ model, scope, seed: runKey });
  let cursor: AuditCursor | null = input.carried?.cursor ?? null;
  for (;;) {
    const chunk = await audit.auditChunk({ model, scope, plan, cursor, chain: tally.chain, decisionsMax: CHUNK_DECISIONS });
    tally = mergeTallies(tally, chunk.tally);
    cursor = chunk.cursor;
    const { done, of } = auditProgress(plan, tally);
    showProgress({}, `${of === null ? '' : `${done} of ${of}. `}${describeTally(tally)}`);
    if (cursor === null) break;
    if (workflowInfo().continueAsNewSuggested) {
      await continueAsNew<typeof auditSkew>({ ...input, carried: { plan, cursor, tally } });
    }
  }
  const verdict = auditVerdict(tally);
  const none = tally.decisions + tally.skipped + tally.pending === 0;
  // A schedule that finds nothing new proves nothing new.
  const stored = none
    ? { certificate: null, digest: null }
    : await audit.certifyAudit({ runKey, model, scope, plan, tally, actor, requestedBy: input.requestedBy });
  showProgress({ verdict, phase: 'idle' }, `**${verdict}**: ${describeTally(tally)}`);
  return { model, verdict, ...stored, tally };
}
