import { canonicalJson, type JsonValue } from '../core/json.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { FeatureService } from '../define/feature-service.ts';
import type { FeatureView } from '../define/feature-view.ts';
import type { Field, Schema } from '../define/field.ts';
import type { Model } from '../define/model.ts';
import type { OnDemandFeature } from '../define/on-demand.ts';
import type { Project } from '../define/project.ts';
import { compileService, type ServiceProgram } from '../fold/compile-service.ts';
import { viewOfDefinition, type DefinedView } from '../fold/view-of-definition.ts';
import type { Queryable } from '../infra/postgres.ts';
import { readLiveViews, type LiveView } from './live-views.ts';
import { serviceDigest } from './service-digest.ts';

type Definitions = Pick<Project, 'views' | 'sources'>;

/**
 * A model with the versions of its views that are current, which is what it is trained on: neither those that the
 * project's file has and are still being filled, nor those that it still has and were replaced.
 * @throws MillraceError FEATURE_VIEW_NOT_READY where a view has no current version yet
 */
export async function currentModel(db: Queryable, project: Definitions, model: Model): Promise<Model> {
  const live = await readLiveViews(db, project);
  return { ...model, service: withCurrentViews(model.service, live) };
}

/** The project's views and services with the versions that are current; a view without one stays as the file has it. */
export async function currentDefinitions(
  db: Queryable,
  project: Definitions & Pick<Project, 'services'>,
): Promise<Pick<Project, 'views' | 'services'>> {
  const live = await readLiveViews(db, project);
  const known = live.filter(({ state }) => state === 'current');
  const currentOf = (view: FeatureView): FeatureView =>
    known.find(({ program }) => program.name === view.name)?.program.view ?? view;
  return {
    views: project.views.map(currentOf),
    services: project.services.map((service) => withViews(service, currentOf)),
  };
}

function withCurrentViews(service: FeatureService, live: readonly LiveView[]): FeatureService {
  return withViews(service, (view) => {
    const versions = live.filter(({ program }) => program.name === view.name);
    const current = versions.find(({ state }) => state === 'current');
    if (current !== undefined) return current.program.view;
    const states = versions.map(({ program, state }) => `version ${program.version} is ${state}`).join(', ');
    throw new MillraceError(
      'FEATURE_VIEW_NOT_READY',
      `Feature view '${view.name}' has no current version: ${states || 'none was applied'}. Wait for its backfill ('millrace views'), then train again.`,
    );
  });
}

/** The service with other versions of its views; what it excludes and they don't have is left out. */
function withViews(service: FeatureService, versionOf: (view: FeatureView) => FeatureView): FeatureService {
  const replaced = new Map<string, FeatureView>();
  const replace = (view: FeatureView): FeatureView => {
    let found = replaced.get(view.name);
    if (found === undefined) replaced.set(view.name, (found = versionOf(view)));
    return found;
  };
  const views = service.views.map(replace);
  const names = new Set(
    views.flatMap((view) => Object.keys(view.features).map((feature) => `${view.name}.${feature}`)),
  );
  return {
    ...service,
    views,
    onDemand: service.onDemand.map((feature) => ({ ...feature, views: mapViews(feature.views, replace) })),
    exclude: service.exclude.filter((name) => names.has(name)),
  };
}

const mapViews = (
  views: Readonly<Record<string, FeatureView>>,
  map: (view: FeatureView) => FeatureView,
): Record<string, FeatureView> =>
  Object.fromEntries(Object.entries(views).map(([alias, view]) => [alias, map(view)]));

/** Keeps a service by its digest, for as long as versions are signed with it. */
export async function recordService(db: Queryable, program: ServiceProgram): Promise<void> {
  await db.query(
    `INSERT INTO millrace.service_definitions (digest, name, definition) VALUES ($1, $2, $3)
     ON CONFLICT (digest) DO NOTHING`,
    [serviceDigest(program), program.service.name, JSON.stringify(program.definition)],
  );
}

/** What `ServiceProgram.definition` is, read back. */
interface DefinedService {
  readonly name: string;
  readonly views: readonly DefinedView[];
  readonly servedViews: number;
  readonly onDemand: readonly {
    readonly name: string;
    readonly views: Readonly<Record<string, string>>;
    readonly request: readonly ({ readonly name: string } & Field)[];
  }[];
  readonly request: readonly ({ readonly name: string } & Field)[];
  readonly exclude: readonly string[];
}

export interface SignedService {
  readonly program: ServiceProgram;
  /** Versions of its views that run no more, as `view version`: their states are gone. */
  readonly gone: readonly string[];
}

/**
 * The service that a model version was trained with, by the digest in its signature. Views and request come from the
 * database, the code of on-demand features from the project.
 * @param service the project's service of that name
 * @throws MillraceError FEATURE_SERVICE_UNKNOWN naming what is missing
 */
export async function serviceOfDigest(
  db: Queryable,
  project: Definitions,
  service: FeatureService,
  digest: string,
): Promise<SignedService> {
  const own = compileService(service);
  const live = await readLiveViews(db, project);
  const isLive = (name: string, version: number): boolean =>
    live.some(({ program }) => program.name === name && program.version === version);
  const goneOf = ({ views }: ServiceProgram): string[] =>
    views.flatMap(({ name, version }) => (isLive(name, version) ? [] : [`'${name}' version ${version}`]));
  if (serviceDigest(own) === digest) return { program: own, gone: goneOf(own) };
  const [row] = await db.query<{ definition: JsonValue }>(
    'SELECT definition FROM millrace.service_definitions WHERE digest = $1',
    [digest],
  );
  if (row === undefined) throw unknown(service, digest, 'no service of that digest was applied here');
  const program = rebuild(row.definition, project, service, live, digest);
  return { program, gone: goneOf(program) };
}

function rebuild(
  definition: JsonValue,
  project: Definitions,
  service: FeatureService,
  live: readonly LiveView[],
  digest: string,
): ServiceProgram {
  const defined = definition as unknown as DefinedService;
  const views = new Map(
    defined.views.map((view): [string, FeatureView] => {
      const found = live.find(
        ({ program }) =>
          program.name === view.name &&
          program.version === view.version &&
          canonicalJson(program.definition) === canonicalJson(view),
      );
      if (found !== undefined) return [view.name, found.program.view];
      const source = project.sources.find(({ name }) => name === view.source);
      if (source === undefined)
        throw unknown(service, digest, `the project no longer has source '${view.source}'`);
      // Its states are gone: partitions matter no more.
      return [view.name, viewOfDefinition(view as unknown as JsonValue, 1, source)];
    }),
  );
  const onDemand = defined.onDemand.map((feature): OnDemandFeature => {
    const code = service.onDemand.find(({ name }) => name === feature.name);
    if (code === undefined)
      throw unknown(service, digest, `the project no longer has on-demand feature '${feature.name}'`);
    return {
      ...code,
      request: schemaOf(feature.request),
      views: Object.fromEntries(
        Object.entries(feature.views).map(([alias, name]) => [alias, views.get(name) as FeatureView]),
      ),
    };
  });
  const program = compileService({
    kind: 'featureService',
    name: defined.name,
    views: [...views.values()].slice(0, defined.servedViews),
    onDemand,
    request: schemaOf(defined.request),
    exclude: defined.exclude,
  });
  const made = serviceDigest(program);
  if (made === digest) return program;
  throw unknown(service, digest, `its stored definition gives digest ${made}`);
}

const schemaOf = (fields: readonly ({ readonly name: string } & Field)[]): Schema =>
  Object.fromEntries(fields.map(({ name, type, nullable }) => [name, { type, nullable }]));

const unknown = (service: FeatureService, digest: string, why: string): MillraceError =>
  new MillraceError(
    'FEATURE_SERVICE_UNKNOWN',
    `Feature service '${service.name}' of digest ${digest} can't be made again: ${why}. Train a version with the present project, or start the processes with the project that it was trained with.`,
  );
