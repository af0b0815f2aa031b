import { canonicalJson, type JsonValue } from '../core/json.ts';
import type { Entity } from '../define/entity.ts';
import type { Model } from '../define/model.ts';
import type { Project } from '../define/project.ts';
import type { Source } from '../define/source.ts';
import { compileService } from '../fold/compile-service.ts';
import { compileView, type ViewProgram } from '../fold/compile-view.ts';
import { sha256Hex } from '../infra/artifacts.ts';
import type { Queryable } from '../infra/postgres.ts';
import { derivationDefinition } from './derived/derivation-definition.ts';

export type DefinitionKind = 'entity' | 'source' | 'featureView' | 'featureService' | 'model';

/** One definition of a project as the database keeps it. */
export interface Definition {
  readonly kind: DefinitionKind;
  readonly name: string;
  readonly version: number;
  /** sha256 of the canonical text: equal digests, equal definitions. */
  readonly digest: string;
  readonly definition: JsonValue;
}

export type AppliedDefinition = Definition;

export function definitionsOf(project: Project, programs: readonly ViewProgram[]): Definition[] {
  return [
    ...project.entities.map((entity) => define('entity', entity.name, 1, entityDefinition(entity))),
    ...project.sources.map((source) => define('source', source.name, 1, sourceDefinition(source))),
    ...programs.map(viewDefinition),
    ...project.services.map((service) =>
      define('featureService', service.name, 1, compileService(service).definition),
    ),
    ...project.models.map((model) => define('model', model.name, 1, modelDefinition(model))),
  ];
}

/** A view as `apply` writes it down. */
export const viewDefinition = (program: ViewProgram): Definition =>
  define('featureView', program.name, program.version, {
    partitions: program.partitions,
    program: program.definition,
  });

/** Programs of all views of a project, in its order. */
export const programsOf = (project: Pick<Project, 'views'>): ViewProgram[] => project.views.map(compileView);

export async function readDefinitions(db: Queryable): Promise<AppliedDefinition[]> {
  return db.query<AppliedDefinition>(
    'SELECT kind, name, version, digest, definition FROM millrace.definitions ORDER BY kind, name, version',
  );
}

export async function writeDefinitions(tx: Queryable, definitions: readonly Definition[]): Promise<void> {
  await tx.query(
    `INSERT INTO millrace.definitions (kind, name, version, digest, definition)
     SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::jsonb[])
     ON CONFLICT (kind, name, version) DO UPDATE
     SET digest = excluded.digest, definition = excluded.definition, applied_at = now()
     WHERE millrace.definitions.digest <> excluded.digest`,
    [
      definitions.map((d) => d.kind),
      definitions.map((d) => d.name),
      definitions.map((d) => d.version),
      definitions.map((d) => d.digest),
      definitions.map((d) => JSON.stringify(d.definition)),
    ],
  );
}

export function modelDefinition(model: Model): JsonValue {
  const { service, examples, label, ...rest } = model;
  return plain({
    ...rest,
    service: service.name,
    examples: { ...examples, source: examples.source.name },
    label: { ...label, source: label.source.name },
  });
}

const entityDefinition = (entity: Entity): JsonValue => plain({ name: entity.name, keys: entity.keys });
const sourceDefinition = (source: Source): JsonValue => {
  const derivation = derivationDefinition(source);
  return plain({ ...source, ...(derivation === undefined ? {} : { derivation }) });
};
const plain = (value: unknown): JsonValue => JSON.parse(canonicalJson(value)) as JsonValue;

function define(kind: DefinitionKind, name: string, version: number, definition: JsonValue): Definition {
  return { kind, name, version, digest: sha256Hex(canonicalJson(definition)), definition };
}
