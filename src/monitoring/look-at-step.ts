import type { RolloutEvidence } from '../contracts/lifecycle.ts';
import type { ShadowBounds } from '../contracts/shadow-comparison.ts';
import type { Postgres } from '../infra/postgres.ts';
import { ONE_STATE } from '../store/cold-log/with-cold-rows.ts';
import { compareShadow } from './compare-shadow.ts';
import type { LabelColumns } from './monitored-model.ts';
import { measurePairs } from './paired-outcomes.ts';
import { measureStep, type EvidenceRequest } from './rollout-evidence.ts';

/**
 * All that Postgres knows of a step, of one state of the decisions, so that counts agree with each other.
 * @param onMeasured called between the two long reads
 * @throws MillraceError MODEL_VERSION_NOT_FOUND
 */
export const lookAtStep = (
  postgres: Postgres,
  label: LabelColumns,
  request: EvidenceRequest & { readonly shadowSince?: number },
  bounds: ShadowBounds,
  onMeasured: (measured: object) => void,
): Promise<Omit<RolloutEvidence, 'candidateErrors'>> =>
  postgres.transaction(async (tx) => {
    await tx.query(ONE_STATE);
    const measured = await measureStep(tx, label, request);
    onMeasured(measured);
    if (request.stage.kind === 'shadow') return { ...measured, comparison: await compareShadow(tx, request, bounds), paired: null };
    const { shadowSince } = request;
    return { ...measured, comparison: null, paired: shadowSince === undefined ? null : await measurePairs(tx, label, { ...request, since: shadowSince }) };
  });
