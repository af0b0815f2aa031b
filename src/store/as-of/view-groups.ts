import { entityKeyOf } from '../../define/entity.ts';
import type { Row } from '../../define/field.ts';
import type { ViewProgram } from '../../fold/compile-view.ts';
import { NO_KEY } from '../../fold/keyed-as-of-fold.ts';
import type { AsOfChunk } from './read-chunk.ts';

/** Views whose entities have the same key fields: a row has one key for all of them. */
export interface ViewGroup {
  readonly keyFields: readonly string[];
  /** Indexes among the views that were grouped. */
  readonly members: readonly number[];
}

/** More views of one entity are several groups: the stale ones of a row are bits of one double. */
export const GROUP_VIEWS_MAX = 50;

export function groupViews(views: readonly ViewProgram[]): ViewGroup[] {
  const groups = new Map<string, { keyFields: readonly string[]; members: number[] }>();
  const seen = new Map<string, number>();
  views.forEach(({ view }, index) => {
    const keyFields = view.entity.keys;
    const entity = JSON.stringify(keyFields);
    const before = seen.get(entity) ?? 0;
    seen.set(entity, before + 1);
    const name = `${entity}${Math.floor(before / GROUP_VIEWS_MAX)}`;
    const group = groups.get(name) ?? { keyFields, members: [] };
    groups.set(name, group);
    group.members.push(index);
  });
  return [...groups.values()];
}

/** Gathers rows of one group into a chunk. */
export class ChunkBuilder {
  readonly #ids = new Map<string, number>();
  readonly #keyIds: number[] = [];
  readonly #asOf: number[] = [];

  /** @param key null for a row that has none */
  add(key: string | null, asOf: number): void {
    let id = key === null ? NO_KEY : this.#ids.get(key);
    if (id === undefined && key !== null) this.#ids.set(key, (id = this.#ids.size));
    this.#keyIds.push(id ?? NO_KEY);
    this.#asOf.push(asOf);
  }

  build(): AsOfChunk {
    return { keys: [...this.#ids.keys()], keyIds: Int32Array.from(this.#keyIds), asOf: Float64Array.from(this.#asOf) };
  }
}

/** A row's key in a group; null where a key field is. */
export const groupKeyOf = ({ keyFields }: ViewGroup, row: Row): string | null => entityKeyOf(keyFields, row);
