import type { FeatureView } from '../../define/feature-view.ts';
import { featurePart, featureValue } from './feature-parts.ts';
import type { SqlPart } from './sql-aggregate.ts';
import { sqlFeaturesOf } from './sql-aggregate-of.ts';
import type { Visibility } from './visible-events.ts';
import type { SqlWindow } from './view-windows.ts';

/** A partial result of a tile, as a column. Features that need the same share it. */
interface TilePart extends SqlPart {
  readonly name: string;
}

/** A partial result of a window, merged from those of its tiles. */
interface WindowPart {
  readonly name: string;
  readonly window: SqlWindow;
  readonly part: TilePart;
}

/** All that one hop of a view is computed from. */
export interface HopPlan {
  readonly index: number;
  readonly hopMs: number;
  /** Longest first. */
  readonly windows: readonly [SqlWindow, ...SqlWindow[]];
  /** Stretches of time by which rows and tiles are joined: a whole number of hops; null for a lifetime. */
  readonly stretchMs: number | null;
  readonly parts: readonly TilePart[];
  readonly windowParts: readonly WindowPart[];
}

export interface BatchPlan {
  readonly hops: readonly HopPlan[];
  /** Per feature its expression over the columns of what was read. */
  readonly features: readonly ((visibility: Visibility) => string)[];
}

/** Stretches that the longest window of a hop is cut into: a join by them meets few tiles that no window holds. */
const STRETCHES = 8;

/** Names the partial results of a view's tiles and windows, by hop. */
export function planBatch(view: FeatureView): BatchPlan {
  const drafts = new Map<number, HopDraft>();
  const features = sqlFeaturesOf(view).map((feature) => {
    const values = feature.parts.map((part) => {
      const { window, parts, value } = featurePart(view, part, () => []);
      const draft = drafts.get(window.hopMs) ?? new HopDraft(drafts.size, window.hopMs);
      drafts.set(window.hopMs, draft);
      const columns = Object.entries(parts).map(
        ([name, one]) => [name, draft.columnOf(window, one)] as const,
      );
      return (visibility: Visibility) =>
        value(
          Object.fromEntries(columns.map(([name, column]) => [name, `${column}_${visibility}`])),
          'w."as of ms"',
        );
    });
    return (visibility: Visibility) =>
      featureValue(
        feature,
        values.map((value) => value(visibility)),
      );
  });
  return { hops: [...drafts.values()].map((draft) => draft.finish()), features };
}

class HopDraft {
  readonly #index: number;
  readonly #hopMs: number;
  readonly #windows = new Map<string, SqlWindow>();
  readonly #parts = new Map<string, TilePart>();
  readonly #windowParts = new Map<string, WindowPart>();

  constructor(index: number, hopMs: number) {
    this.#index = index;
    this.#hopMs = hopMs;
  }

  /** Name of the column that holds a partial result of a window. */
  columnOf(given: SqlWindow, one: SqlPart): string {
    const window = this.#windows.get(given.from) ?? given;
    this.#windows.set(window.from, window);
    const part = this.#parts.get(one.aggregate) ?? {
      ...one,
      name: `tile_part_${this.#index}_${this.#parts.size}`,
    };
    this.#parts.set(one.aggregate, part);
    const key = `${part.name} ${window.from}`;
    const name = `part_${this.#index}_${this.#windowParts.size}`;
    const found = this.#windowParts.get(key) ?? { name, window, part };
    this.#windowParts.set(key, found);
    return found.name;
  }

  finish(): HopPlan {
    const windows = [...this.#windows.values()].sort((a, b) => b.windowMs - a.windowMs);
    const [longest] = windows as [SqlWindow];
    const stretchTiles = Math.ceil(longest.windowMs / this.#hopMs / STRETCHES);
    return {
      index: this.#index,
      hopMs: this.#hopMs,
      windows: windows as [SqlWindow, ...SqlWindow[]],
      stretchMs: this.#hopMs === Infinity ? null : stretchTiles * this.#hopMs,
      parts: [...this.#parts.values()],
      windowParts: [...this.#windowParts.values()],
    };
  }
}
