import { Context } from '@temporalio/activity';
import type { AuditActivities } from '../src/contracts/activities.ts';
import type { Model } from '../src/define/model.ts';
import type { Postgres } from '../src/infra/postgres.ts';
import { planAudit } from '../src/monitoring/skew-audit-decisions.ts';
import { auditChunk } from '../src/monitoring/skew-audit.ts';
import { storeCertificate } from '../src/monitoring/skew-certificates.ts';
import { keepAlive } from './keep-alive.ts';
import { knownModel } from './known-model.ts';
import { mapErrors } from './map-error.ts';

export interface AuditDependencies {
  readonly postgres: Postgres;
  readonly models: readonly Model[];
}

/** Steps of a skew audit. A chunk that is tried again begins anew: the workflow holds where it begins. */
export function createAuditActivities({ postgres, models }: AuditDependencies): AuditActivities {
  return mapErrors<AuditActivities>({
    planAudit: ({ model, scope, seed }) =>
      keepAlive(() => planAudit(postgres, knownModel(models, model).name, scope, seed)),
    auditChunk: ({ model, ...request }) =>
      keepAlive((alive) =>
        auditChunk(
          postgres,
          { ...request, model: knownModel(models, model) },
          {
            signal: Context.current().cancellationSignal,
            onBatch: (cursor, decisions) => alive.progress({ ...cursor, decisions }),
          },
        ),
      ),
    async certifyAudit(run) {
      const { id, digest } = await storeCertificate(postgres, run);
      return { certificate: id, digest };
    },
  });
}
