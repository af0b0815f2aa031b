import type { FieldType } from '../define/field.ts';

/** Values by column; those of CSV are texts, null where the field is empty. */
export type TableRecord = Readonly<Record<string, unknown>>;

/** A column of a table that is written; the type counts where the format has types of columns. */
export interface TableColumn {
  readonly name: string;
  readonly type: FieldType;
}

/** A value of a typed format as one of ours: times ms since the epoch, whole numbers of 64 bits numbers where they are exact as such. */
export function plainValue(value: unknown): unknown {
  if (value instanceof Date) return value.getTime();
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  return value ?? null;
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** A text of CSV as a value of a type. What is not of its type stays the text that it is, so that the problem shows it. */
export function typedValue(type: FieldType, value: unknown): unknown {
  if (typeof value !== 'string' || type === 'string') return value;
  if (value === '') return null;
  if (type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value;
  if (type === 'number') return NUMBER.test(value) ? Number(value) : value;
  return /^-?\d+$/.test(value) ? Number(value) : value;
}
