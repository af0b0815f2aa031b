import type { CategoryColumn } from '../../src/contracts/training-set.ts';

/** Numbers the values of each category column, the same for training rows and served rows. Null is NaN. */
export class CategoryCodes {
  readonly #tables: Map<string, number>[];

  constructor(columns: readonly CategoryColumn[]) {
    this.#tables = columns.map(({ dictionary }) => new Map(dictionary.map((value, code) => [value, code])));
  }

  get count(): number {
    return this.#tables.length;
  }

  codeOf(column: number, value: string | null): number {
    const table = this.#tables[column];
    if (value === null || table === undefined) return NaN;
    const known = table.get(value);
    if (known !== undefined) return known;
    table.set(value, table.size);
    return table.size - 1;
  }
}
