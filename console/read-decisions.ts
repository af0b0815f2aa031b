import { DECISION_ID_LENGTH_MAX, isDecisionId } from '../src/contracts/decision.ts';
import { MillraceError } from '../src/core/millrace-error.ts';
import { getVersion } from '../src/registry/get-version.ts';
import { findDecision } from '../src/store/find-decision.ts';
import { findLabel, listDecisions, type DecisionSummary } from '../src/store/list-decisions.ts';
import { listDeadLetters, type DeadLetter } from '../src/store/list-dead-letters.ts';
import type { ConsoleDeps } from './console-deps.ts';
import type { Page } from './http/parse-page.ts';
import { modelNamed, nextBefore } from './read-model.ts';
import { describeDecision, type DescribedDecision } from './shape/describe-decision.ts';

/** Of a dead letter's payload: enough to see what it is, where one may have a megabyte. */
const PAYLOAD_CHARS_MAX = 2_000;

/** What `GET /api/models/{model}/decisions` answers. */
export interface DecisionPage {
  /** Newest first. */
  readonly decisions: readonly DecisionSummary[];
  /** Asks for the next page; null on the last one. */
  readonly before: number | null;
}

/** @throws MillraceError MODEL_NOT_FOUND, STORE_UNAVAILABLE, STATUS_TIMED_OUT */
export async function readDecisions(deps: ConsoleDeps, name: string, page: Page): Promise<DecisionPage> {
  const model = modelNamed(deps, name);
  const key = `${name}\n${page.limit}\n${page.before}`;
  const decisions = await deps.reads.get('decisions', key, () =>
    listDecisions(deps.postgres, model, page.limit, page.before),
  );
  return { decisions, before: nextBefore(decisions, page.limit) };
}

/** @throws MillraceError DECISION_NOT_FOUND, MODEL_VERSION_NOT_FOUND, STORE_UNAVAILABLE, STATUS_TIMED_OUT */
export async function readDecision(deps: ConsoleDeps, id: string): Promise<DescribedDecision> {
  const { postgres, project, reads } = deps;
  const found =
    !isDecisionId(id)
      ? null
      : await reads.get('decision', id, async () => {
          const decision = await findDecision(postgres, id);
          if (decision === null) return null;
          const model = project.models.find(({ name }) => name === decision.model);
          const [{ signature }, label] = await Promise.all([
            getVersion(postgres, decision.model, decision.version),
            model === undefined || decision.exampleId === null
              ? null
              : findLabel(postgres, model, decision.exampleId),
          ]);
          return describeDecision(decision, signature, label);
        });
  if (found !== null) return found;
  throw new MillraceError(
    'DECISION_NOT_FOUND',
    `Decision '${id.slice(0, DECISION_ID_LENGTH_MAX)}' is not stored. Ask again in a second if it is fresh.`,
  );
}

/** The newest first, their payloads cut. @throws MillraceError STORE_UNAVAILABLE, STATUS_TIMED_OUT */
export const readDeadLetters = (deps: ConsoleDeps, { limit }: Page): Promise<DeadLetter[]> =>
  deps.reads.get('dead letters', String(limit), () =>
    listDeadLetters(deps.postgres, null, limit, PAYLOAD_CHARS_MAX),
  );
