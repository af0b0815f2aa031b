import { Context } from '@temporalio/activity';
import type { RolloutActivities } from '../src/contracts/activities.ts';
import { boundsOf, furthestSegments } from '../src/contracts/judge-shadow.ts';
import { judgeRollout } from '../src/contracts/judge-rollout.ts';
import type { RolloutEvidence } from '../src/contracts/lifecycle.ts';
import { MillraceError } from '../src/core/millrace-error.ts';
import type { Model } from '../src/define/model.ts';
import type { Postgres } from '../src/infra/postgres.ts';
import { errorsSince, mostErrors, sumOf } from '../src/monitoring/count-errors.ts';
import { lookAtStep } from '../src/monitoring/look-at-step.ts';
import { labelColumns } from '../src/monitoring/monitored-model.ts';
import { newestDecision } from '../src/monitoring/rollout-evidence.ts';
import type { Registry } from '../src/registry/registry.ts';
import { knownModel } from './known-model.ts';
import { mapErrors } from './map-error.ts';

export interface RolloutDependencies {
  readonly postgres: Postgres;
  readonly registry: Registry;
  readonly models: readonly Model[];
}

/** Measuring may take this share of the time at most, however short the poll interval. */
const MEASURE_SHARE = 0.2;
/** Segments that a look hands to the workflow, whose history keeps every look. */
const SEGMENTS_SHOWN_MAX = 10;
const SERVING_POLL_MS = 100;
/** A version must be loaded within this time by every process that serves the model. */
const SERVING_WAIT_MS = 120_000;

export function createRolloutActivities({ postgres, registry, models }: RolloutDependencies): RolloutActivities {
  return mapErrors<RolloutActivities>({
    async beginStep({ model, candidate }) {
      const since = await newestDecision(postgres);
      const errorsByProcess = await registry.servingErrors(model, candidate);
      return { since, errorsBefore: sumOf(errorsByProcess), errorsByProcess };
    },

    async gatherEvidence({ policy, stage, waitMs, errorsBefore, errorsByProcess, errorsSeen, ...request }) {
      const context = Context.current();
      // Of an attempt that was cut off.
      const beaten = context.info.heartbeatDetails as Partial<RolloutEvidence> | undefined;
      let most = mostErrors(errorsSeen ?? {}, beaten?.errorsSeen ?? {});
      const label = labelColumns(knownModel(models, request.model));
      const deadline = Date.now() + waitMs;
      for (;;) {
        const began = Date.now();
        // Two long reads must not add up to the silence after which the activity counts as dead.
        const seen = await lookAtStep(postgres, label, { ...request, stage }, boundsOf(policy), (measured) => {
          context.heartbeat({ measured, errorsSeen: most });
        });
        const comparison = seen.comparison ? furthestSegments(policy, seen.comparison, SEGMENTS_SHOWN_MAX) : null;
        most = mostErrors(most, await registry.servingErrors(request.model, request.candidate));
        const candidateErrors = errorsSince(errorsByProcess ?? errorsBefore, most);
        const evidence: RolloutEvidence = { ...seen, candidateErrors, comparison, errorsSeen: most };
        context.heartbeat(evidence);
        const done = judgeRollout(policy, stage, evidence).verdict !== 'continue';
        if (done || Date.now() >= deadline) return evidence;
        const restMs = Math.max(policy.pollIntervalMs, (Date.now() - began) * (1 / MEASURE_SHARE - 1));
        await context.sleep(Math.min(restMs, Math.max(0, deadline - Date.now())));
      }
    },

    async awaitServing({ model, version, revision }) {
      const context = Context.current();
      const deadline = Date.now() + SERVING_WAIT_MS;
      for (;;) {
        const reports = await registry.liveServing(model);
        const refused = reports.flatMap(({ process, rejected }) => rejected.filter((r) => r.version === version).map((r) => ({ process, ...r })))[0];
        if (refused !== undefined) {
          throw new MillraceError(
            'SERVING_VERSION_REJECTED',
            `Model '${model}' version ${version} was refused by serving process '${refused.process}': ${refused.reason}`,
          );
        }
        const behind = reports.filter((report) => report.revision < revision || !report.loaded.includes(version));
        if (reports.length > 0 && behind.length === 0) return;
        context.heartbeat({ serving: reports.length, behind: behind.length });
        if (Date.now() >= deadline) throw notReporting(model, version, reports.length, behind.length);
        await context.sleep(SERVING_POLL_MS);
      }
    },
  });
}

function notReporting(model: string, version: number, serving: number, behind: number): MillraceError {
  const found = serving === 0 ? 'no serving process reports for the model' : `${behind} of ${serving} serving processes have not loaded it`;
  return new MillraceError(
    'SERVING_NOT_REPORTING',
    `Model '${model}' version ${version} is not served after ${SERVING_WAIT_MS / 1000} s: ${found}. Look at the serving processes' logs, and start one where none runs.`,
  );
}
