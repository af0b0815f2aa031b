import type { FieldType } from '../../define/field.ts';
import type { TableColumn, TableRecord } from '../../infra/table-record.ts';
import type { SpineFormat } from './parse-spine.ts';
import type { SpineBlock } from './spine-input.ts';

/** Types of a spine's columns that nobody asked for, by name. */
export type OtherTypes = Readonly<Record<string, FieldType>>;

/** Decides the types of columns that nobody asked for, each by its first value of the whole spine that is not null. */
export class OtherColumns {
  readonly #types: Record<string, FieldType> = {};
  readonly #asked: ReadonlySet<string>;
  #undecided: Set<string> | undefined;

  constructor({ plan, asOfColumn }: SpineFormat) {
    this.#asked = new Set([asOfColumn, ...Object.keys(plan.schema)]);
  }

  add(records: readonly TableRecord[]): void {
    this.#undecided ??= new Set(Object.keys(records[0] ?? {}).filter((name) => !this.#asked.has(name)));
    for (const name of this.#undecided) {
      const value = records.find((record) => record[name] !== null && record[name] !== undefined)?.[name];
      if (value === undefined) continue;
      this.#types[name] = typeof value === 'number' || typeof value === 'boolean' ? (typeof value as 'number' | 'boolean') : 'string';
      this.#undecided.delete(name);
    }
  }

  /** Without those that are null in every row. */
  get types(): OtherTypes {
    return this.#types;
  }
}

/** A column of the spine as it is written: what is asked for has the type that it is read as. */
export function spineColumn(name: string, { plan, asOfColumn }: Pick<SpineFormat, 'plan' | 'asOfColumn'>, others: OtherTypes): TableColumn {
  if (name === asOfColumn) return { name, type: 'timestamp' };
  // A column may be named as what every object has.
  const asked = Object.hasOwn(plan.schema, name) ? plan.schema[name]!.type : null;
  return { name, type: asked ?? (Object.hasOwn(others, name) ? others[name]! : 'string') };
}

/** The rows of a block as they were given; for a format whose columns have types, what is asked for as it was read. */
export const writtenRows = ({ records, rows }: SpineBlock, isTyped: boolean): readonly TableRecord[] =>
  isTyped ? records.map((record, i) => ({ ...record, ...rows[i]!.row })) : records;
