import type { Model } from '../../src/define/model.ts';
import type { Schema } from '../../src/define/field.ts';
import type { Project } from '../../src/define/project.ts';
import { compileService, type ServiceProgram } from '../../src/fold/compile-service.ts';
import type { Postgres } from '../../src/infra/postgres.ts';
import type { Registry } from '../../src/registry/registry.ts';
import { serviceOfDigest } from '../../src/store/current-services.ts';

/** What the client of one model has to know. */
export interface ClientModel {
  readonly name: string;
  /** The champion's; null where none was promoted: then the fields are those of the project's file. */
  readonly version: number | null;
  readonly digest: string | null;
  readonly service: string;
  readonly request: Schema;
  /** Fields of `request` that are entity keys. */
  readonly keys: readonly string[];
  readonly exampleId: string;
  /** Fields of the example's source that may come along. */
  readonly others: Schema;
  readonly features: readonly string[];
}

/** @throws MillraceError FEATURE_SERVICE_UNKNOWN, STORE_UNAVAILABLE */
export async function describeClientModel(db: Postgres, registry: Registry, project: Project, model: Model): Promise<ClientModel> {
  const champion = (await registry.getAllocation(model.name))?.champion ?? null;
  if (champion === null) return describe(model, compileService(model.service), null, null);
  const { signature, digest } = await registry.getVersion(model.name, champion);
  const { program } = await serviceOfDigest(db, project, model.service, signature.serviceDigest);
  return describe(model, program, champion, digest);
}

function describe(model: Model, program: ServiceProgram, version: number | null, digest: string | null): ClientModel {
  const { requestSchema: request, views, numericNames, categoryNames } = program;
  const { source, id } = model.examples;
  return {
    name: model.name,
    version,
    digest,
    service: program.service.name,
    request,
    keys: [...new Set(views.flatMap(({ view }) => view.entity.keys))].filter((key) => Object.hasOwn(request, key)),
    exampleId: id,
    others: Object.fromEntries(Object.entries(source.schema).filter(([name]) => name !== id && !Object.hasOwn(request, name))),
    features: [...numericNames, ...categoryNames],
  };
}
