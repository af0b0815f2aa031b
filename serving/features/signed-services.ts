import type { FeatureService } from '../../src/define/feature-service.ts';
import type { Project } from '../../src/define/project.ts';
import type { ServiceProgram } from '../../src/fold/compile-service.ts';
import type { Queryable } from '../../src/infra/postgres.ts';
import { serviceOfDigest, type SignedService } from '../../src/store/current-services.ts';

/**
 * Feature services of one model's versions, by digest. Versions of one digest share a program, so that a request whose
 * versions do is read once.
 */
export class SignedServices {
  readonly #db: Queryable;
  readonly #project: Project;
  readonly #service: FeatureService;
  readonly #programs = new Map<string, ServiceProgram>();

  constructor(db: Queryable, project: Project, service: FeatureService) {
    this.#db = db;
    this.#project = project;
    this.#service = service;
  }

  /** @throws MillraceError FEATURE_SERVICE_UNKNOWN, STORE_UNAVAILABLE */
  async of(digest: string): Promise<SignedService> {
    const { program, gone } = await serviceOfDigest(this.#db, this.#project, this.#service, digest);
    const known = this.#programs.get(digest);
    // Partitions of a view that was gone and is back may be others: its program is taken anew.
    if (known !== undefined && samePartitions(known, program)) return { program: known, gone };
    this.#programs.set(digest, program);
    return { program, gone };
  }
}

const samePartitions = (a: ServiceProgram, b: ServiceProgram): boolean =>
  a.views.every(({ partitions }, i) => partitions === b.views[i]?.partitions);
