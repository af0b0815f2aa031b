import { MillraceError } from '../core/millrace-error.ts';
import type { FeatureNames, FeatureService } from '../define/feature-service.ts';
import type { FeatureView } from '../define/feature-view.ts';
import type { Field, FieldValue, KnownKeys, Schema } from '../define/field.ts';
import { compileService } from '../fold/compile-service.ts';
import { compileView, type ViewProgram } from '../fold/compile-view.ts';
import { decodeState } from '../fold/state-codec.ts';
import { planService, planViews, type OnlineReadPlan } from '../store/online-catalog.ts';
import {
  readOnlineRows,
  statesAsked,
  type OnlineInclude,
  type OnlineViewRead,
} from '../store/online-rows.ts';
import type { OnlineStore } from '../store/online-store.ts';
import { assertReadable } from '../store/readable-moment.ts';
import { parseEntities } from '../store/parse-entities.ts';

/** States of one call: it is one round trip. */
export const ONLINE_KEYS_MAX = 16_384;

export interface ReadOptions {
  /** Ms since the epoch; now, where absent. */
  readonly asOf?: number;
  /** Ages and fences come along only where they are asked for. */
  readonly include?: Partial<OnlineInclude>;
}

type KeysOf<V> = V extends FeatureView<string, string, infer K> ? K : never;

/** All features of some views, for entities that carry the keys of all of them. */
export interface ViewsRead<Views extends readonly FeatureView[]> extends ReadOptions {
  readonly views: Views;
  readonly entities: readonly { readonly [K in KeysOf<Views[number]>]: string | null }[];
}

/** A feature service's row as a model takes it, for instances such as a prediction's. */
export interface ServiceRead<Request extends Schema, Feature extends string> extends ReadOptions {
  readonly service: FeatureService<string, Request, Feature>;
  readonly entities: readonly { readonly [K in KnownKeys<Request>]: FieldValue<Request[K]> }[];
}

export type ViewsFeatures<Views extends readonly FeatureView[]> = {
  readonly [N in FeatureNames<Views[number]>]: number | null;
};

/** The request's texts are categories; all else is a number. */
export type ServiceFeatures<Request extends Schema, Feature extends string> = {
  readonly [N in Feature]: N extends KnownKeys<Request>
    ? Request[N] extends Field<'string'>
      ? string | null
      : number | null
    : number | null;
};

export interface OnlineRead<Features> {
  /** Ms since the epoch. */
  readonly asOf: number;
  /** Features by name, one row per entity in their order. */
  readonly rows: readonly Features[];
  readonly views: readonly OnlineViewRead[];
}

/**
 * Reads online features by library call: names and entity keys are those of the definitions, wrong ones are compile errors.
 * All states are one round trip to the store.
 * @throws MillraceError REQUEST_INVALID, FEATURE_AS_OF_TOO_EARLY, FEATURE_STALE, FEATURE_ON_DEMAND_FAILED, STATE_CORRUPT, STORE_UNAVAILABLE
 */
export function readOnline<const Views extends readonly FeatureView[]>(
  store: Pick<OnlineStore, 'readStates'>,
  request: ViewsRead<Views>,
): Promise<OnlineRead<ViewsFeatures<Views>>>;
export function readOnline<Request extends Schema, Feature extends string>(
  store: Pick<OnlineStore, 'readStates'>,
  request: ServiceRead<Request, Feature>,
): Promise<OnlineRead<ServiceFeatures<Request, Feature>>>;
export async function readOnline(
  store: Pick<OnlineStore, 'readStates'>,
  request: ReadOptions & { readonly entities: readonly unknown[] } & (
      { readonly views: readonly FeatureView[] } | { readonly service: FeatureService }
    ),
): Promise<OnlineRead<Readonly<Record<string, number | string | null>>>> {
  const plan = 'views' in request ? planViews(request.views.map(programOf)) : servicePlanOf(request.service);
  const keys = request.entities.length * plan.views.length;
  if (keys > ONLINE_KEYS_MAX) {
    throw new MillraceError(
      'REQUEST_INVALID',
      `Online read: expected at most ${ONLINE_KEYS_MAX} keys, found ${keys} (${request.entities.length} entities of ${plan.views.length} views). Split it into several calls.`,
    );
  }
  const entities = parseEntities(plan, request.entities);
  const asked = statesAsked(plan.views, entities);
  const found = await store.readStates(asked);
  const states = asked.map(({ program }, i) => {
    const bytes = found[i] ?? null;
    return bytes === null ? null : decodeState(program, bytes);
  });
  const { ages = false, fences = false, texts = false } = request.include ?? {};
  const asOf = request.asOf ?? Date.now();
  assertReadable(asked, states, asOf);
  const answer = readOnlineRows(plan, entities, states, asOf, { ages, fences, texts });
  const rows = answer.rows.map((values) =>
    Object.fromEntries(plan.names.map((name, i) => [name, values[i] ?? null])),
  );
  return { asOf: answer.asOf, rows, views: answer.views };
}

/** Definitions are values that live as long as the program: each is compiled once. */
const programs = new WeakMap<FeatureView, ViewProgram>();
const servicePlans = new WeakMap<FeatureService, OnlineReadPlan>();

function programOf(view: FeatureView): ViewProgram {
  let program = programs.get(view);
  if (program === undefined) programs.set(view, (program = compileView(view)));
  return program;
}

function servicePlanOf(service: FeatureService): OnlineReadPlan {
  let plan = servicePlans.get(service);
  if (plan === undefined) servicePlans.set(service, (plan = planService(compileService(service))));
  return plan;
}
