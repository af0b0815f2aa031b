import { Context } from '@temporalio/activity';
import type { AuditActivities } from '../src/contracts/activities.ts';
import { isMillraceError } from '../src/core/millrace-error.ts';
import type { Model } from '../src/define/model.ts';
import type { Project } from '../src/define/project.ts';
import type { ServiceProgram } from '../src/fold/compile-service.ts';
import type { Postgres } from '../src/infra/postgres.ts';
import { planAudit } from '../src/monitoring/skew-audit-decisions.ts';
import { auditChunk } from '../src/monitoring/skew-audit.ts';
import { storeCertificate } from '../src/monitoring/skew-certificates.ts';
import { serviceOfDigest } from '../src/store/current-services.ts';
import { keepAlive } from './keep-alive.ts';
import { knownModel } from './known-model.ts';
import { mapErrors } from './map-error.ts';

export interface AuditDependencies {
  readonly postgres: Postgres;
  readonly project: Pick<Project, 'models' | 'views' | 'sources'>;
}

/** Steps of a skew audit. A chunk that is tried again begins anew: the workflow holds where it begins. */
export function createAuditActivities({ postgres, project }: AuditDependencies): AuditActivities {
  const { models } = project;
  const serviceOf = async (model: Model, digest: string): Promise<ServiceProgram | null> => {
    try {
      return (await serviceOfDigest(postgres, project, model.service, digest)).program;
    } catch (error) {
      if (isMillraceError(error) && error.code === 'FEATURE_SERVICE_UNKNOWN') return null;
      throw error;
    }
  };
  return mapErrors<AuditActivities>({
    planAudit: ({ model, scope, seed }) =>
      keepAlive(() => planAudit(postgres, knownModel(models, model).name, scope, seed)),
    auditChunk: ({ model, ...request }) =>
      keepAlive((alive) => {
        const known = knownModel(models, model);
        return auditChunk(
          postgres,
          { ...request, model: known, serviceOf: (digest) => serviceOf(known, digest) },
          {
            signal: Context.current().cancellationSignal,
            onBatch: (cursor, decisions) => alive.progress({ ...cursor, decisions }),
          },
        );
      }),
    async certifyAudit(run) {
      const { id, digest } = await storeCertificate(postgres, run);
      return { certificate: id, digest };
    },
  });
}
