import type { Row } from '../define/field.ts';
import { requestKeyOf } from '../fold/compile-service.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import { ageOf } from '../fold/fresh-read.ts';
import { readTexts } from '../fold/read-texts.ts';
import { fenceOf, type ViewState } from '../fold/view-state.ts';
import { valuesAssembler } from './assemble-values.ts';
import { readView, settleContracts, type OnContractReads } from './contract-reads.ts';
import type { OnlineReadPlan } from './online-catalog.ts';

/** What comes along with the values. */
export interface OnlineInclude {
  readonly ages: boolean;
  readonly fences: boolean;
  /** Which texts the features of a topK are about; absent: no. */
  readonly texts?: boolean;
}

/** How one view was read: lists have an entry per entity, null where it has no state there. */
export interface OnlineViewRead {
  readonly view: string;
  readonly version: number;
  /** Indexes of the entities whose state is older than the view's `maxAge`. */
  readonly stale: readonly number[];
  /** Ms from the state's newest known time to `asOf`. */
  readonly ageMs?: readonly (number | null)[];
  /** By source partition the highest source offset that the state has seen. */
  readonly fences?: readonly (Readonly<Record<string, number>> | null)[];
  /** By feature of a topK the value that comes so often; null where the feature is, and where only the value's hash is known. */
  readonly texts?: readonly Readonly<Record<string, string | null>>[];
}

/** Values of many entities: the names once, then a row of values per entity; null is null. */
export interface OnlineAnswer {
  /** Ms since the epoch. */
  readonly asOf: number;
  readonly names: readonly string[];
  /** Texts are a service's categories; its numbers are as the model takes them, float32. */
  readonly rows: readonly (readonly (number | string | null)[])[];
  readonly views: readonly OnlineViewRead[];
}

/** The states that the entities need: for each entity one per view of the plan, in the plan's order. */
export function statesAsked(
  views: readonly ViewProgram[],
  entities: readonly Row[],
): { readonly program: ViewProgram; readonly entityKey: string | null }[] {
  const asked = [];
  for (const row of entities) for (const program of views) asked.push({ program, entityKey: requestKeyOf(program, row) });
  return asked;
}

/**
 * Reads the values off the states.
 * @param states as `statesAsked` asked for them
 * @throws MillraceError FEATURE_STALE where a view refuses stale reads, FEATURE_ON_DEMAND_FAILED
 */
export function readOnlineRows(
  plan: OnlineReadPlan,
  entities: readonly Row[],
  states: readonly (ViewState | null)[],
  asOf: number,
  include: OnlineInclude,
  onContractReads?: OnContractReads,
): OnlineAnswer {
  const { views } = plan;
  const valuesOf = valuesAssembler(plan);
  const scratch = views.map((view) => new Float64Array(view.featureNames.length));
  const reads = views.map((view) => new ViewReads(view, include));
  const rows = entities.map((row, i) => {
    for (let v = 0; v < views.length; v++) {
      const view = views[v]!;
      const state = states[i * views.length + v] ?? null;
      reads[v]!.add(i, state, asOf, readView(view, row, state, asOf, scratch[v]!), scratch[v]!);
    }
    return valuesOf(scratch, row, asOf);
  });
  settleContracts(reads, { what: 'entities', count: entities.length }, onContractReads);
  return { asOf, names: plan.names, rows, views: reads.map((read) => read.finish()) };
}

class ViewReads {
  readonly view: ViewProgram;
  readonly stale: number[] = [];
  readonly #ageMs: (number | null)[] | undefined;
  readonly #fences: (Record<string, number> | null)[] | undefined;
  readonly #texts: Readonly<Record<string, string | null>>[] | undefined;

  constructor(view: ViewProgram, include: OnlineInclude) {
    this.view = view;
    this.#ageMs = include.ages ? [] : undefined;
    this.#fences = include.fences ? [] : undefined;
    this.#texts = include.texts === true ? [] : undefined;
  }

  add(entity: number, state: ViewState | null, asOf: number, isStale: boolean, values: Float64Array): void {
    if (isStale) this.stale.push(entity);
    this.#ageMs?.push(ageOf(this.view, state, asOf));
    this.#fences?.push(state === null ? null : fenceOf(state));
    this.#texts?.push(readTexts(this.view, state, asOf, values));
  }

  finish(): OnlineViewRead {
    return {
      view: this.view.name,
      version: this.view.version,
      stale: this.stale,
      ...(this.#ageMs === undefined ? {} : { ageMs: this.#ageMs }),
      ...(this.#fences === undefined ? {} : { fences: this.#fences }),
      ...(this.#texts === undefined ? {} : { texts: this.#texts }),
    };
  }
}
