import { MillraceError } from '../core/millrace-error.ts';
import { shorten, shortList } from '../core/shorten.ts';
import type { Field, Schema } from '../define/field.ts';
import type { Project } from '../define/project.ts';
import { compileService, type ServiceProgram } from '../fold/compile-service.ts';
import { compileView, type ViewProgram } from '../fold/compile-view.ts';

/** What a read asks for: a feature service's row, all features of some views, or some features (`view.feature`). */
export type OnlineSelection =
  | { readonly service: string }
  | { readonly views: readonly string[] }
  | { readonly features: readonly string[] };

/** A selection, resolved: which states are read for each entity, and which of their values are answered. */
export interface OnlineReadPlan {
  readonly by: 'service' | 'views' | 'features';
  /** There where a service is read: its row, on-demand features and categories included. */
  readonly service: ServiceProgram | null;
  readonly views: readonly ViewProgram[];
  /** Fields of an entity: the views' entity keys and, for a service, its request fields. */
  readonly schema: Schema;
  /** Of the values of a row, in order. */
  readonly names: readonly string[];
  /** Without a service: where each value comes from. */
  readonly columns: readonly { readonly view: number; readonly feature: number }[];
}

/** Names of one list of a selection. */
export const SELECTION_NAMES_MAX = 1_024;
/** Selections by names whose plans are kept; each has at most that many names. */
const PLANS_MAX = 64;

/** The views and feature services of a project, by name, compiled once. */
export class OnlineCatalog {
  readonly #views: ReadonlyMap<string, ViewProgram>;
  readonly #services: ReadonlyMap<string, OnlineReadPlan>;
  /** Clients ask for the same few selections again and again. */
  readonly #plans = new Map<string, OnlineReadPlan>();

  constructor(project: Pick<Project, 'views' | 'services'>) {
    this.#views = new Map(project.views.map((view) => [view.name, compileView(view)]));
    this.#services = new Map(
      project.services.map((service) => [service.name, planService(compileService(service))]),
    );
  }

  /** @throws MillraceError FEATURE_NOT_FOUND, REQUEST_INVALID, each with all names that are wrong */
  plan(selection: OnlineSelection): OnlineReadPlan {
    if ('service' in selection)
      return (
        this.#services.get(selection.service) ??
        this.#missing('feature service', [selection.service], this.#services)
      );
    const what = 'views' in selection ? 'views' : 'features';
    const asked = 'views' in selection ? selection.views : selection.features;
    // With the number of names in it, no name that holds a line break makes the key of other names.
    const key = `${what} ${asked.length}\n${asked.join('\n')}`;
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    assertNames(what, asked);
    const plan = what === 'views' ? this.#planViews(asked) : this.#planFeatures(asked);
    if (this.#plans.size >= PLANS_MAX) this.#plans.clear();
    this.#plans.set(key, plan);
    return plan;
  }

  #planViews(names: readonly string[]): OnlineReadPlan {
    const missing = names.filter((name) => !this.#views.has(name));
    if (missing.length > 0) return this.#missing('feature view', missing, this.#views);
    return planViews(names.map((name) => this.#views.get(name) as ViewProgram));
  }

  #planFeatures(names: readonly string[]): OnlineReadPlan {
    const views: ViewProgram[] = [];
    const missing: string[] = [];
    const columns = names.flatMap((name) => {
      const dot = name.indexOf('.');
      const program = this.#views.get(name.slice(0, Math.max(dot, 0)));
      const feature = program?.featureNames.indexOf(name.slice(dot + 1)) ?? -1;
      if (program === undefined || feature < 0) {
        missing.push(name);
        return [];
      }
      const known = views.indexOf(program);
      return { view: known >= 0 ? known : views.push(program) - 1, feature };
    });
    if (missing.length > 0) {
      const all = [...this.#views.values()].flatMap((view) =>
        view.featureNames.map((name) => [`${view.name}.${name}`, view] as const),
      );
      return this.#missing('feature', missing, new Map(all));
    }
    return planOf('features', views, columns);
  }

  #missing(what: string, names: readonly string[], known: ReadonlyMap<string, unknown>): never {
    const shown = [...known.keys()].slice(0, NAMES_SHOWN_MAX);
    const more = known.size > shown.length ? ` and ${known.size - shown.length} more` : '';
    throw new MillraceError(
      'FEATURE_NOT_FOUND',
      `${names
        .slice(0, NAMES_SHOWN_MAX)
        .map((name) => `${what} '${shorten(name)}'`)
        .join(', ')}: not in the project. It has: ${shown.length === 0 ? 'none' : shown.join(', ')}${more}.`,
    );
  }
}

const NAMES_SHOWN_MAX = 20;

/** All features of some views. */
export function planViews(views: readonly ViewProgram[]): OnlineReadPlan {
  const columns = views.flatMap((program, view) =>
    program.featureNames.map((_, feature) => ({ view, feature })),
  );
  return planOf('views', views, columns);
}

/** The row of a feature service. */
export function planService(service: ServiceProgram): OnlineReadPlan {
  const { views, requestSchema: schema } = service;
  return {
    by: 'service',
    service,
    views,
    schema,
    names: [...service.numericNames, ...service.categoryNames],
    columns: [],
  };
}

function planOf(
  by: 'views' | 'features',
  views: readonly ViewProgram[],
  columns: OnlineReadPlan['columns'],
): OnlineReadPlan {
  const key: Field = { type: 'string', nullable: true };
  return {
    by,
    service: null,
    views,
    schema: Object.fromEntries(views.flatMap(({ view }) => view.entity.keys.map((name) => [name, key]))),
    names: columns.map(({ view, feature }) => `${views[view]!.name}.${views[view]!.featureNames[feature]!}`),
    columns,
  };
}

function assertNames(what: string, names: readonly string[]): void {
  if (names.length === 0 || names.length > SELECTION_NAMES_MAX) {
    throw new MillraceError(
      'REQUEST_INVALID',
      `Online read: expected 1 to ${SELECTION_NAMES_MAX} names in '${what}', found ${names.length}. Name what is to be read.`,
    );
  }
  const seen = new Set<string>();
  const twice = names.filter((name) => seen.size === seen.add(name).size);
  if (twice.length > 0) {
    throw new MillraceError(
      'REQUEST_INVALID',
      `Online read: expected each name in '${what}' once, found ${shortList([...new Set(twice)])} again. Leave the second out.`,
    );
  }
}
