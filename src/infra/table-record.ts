import type { FieldType } from '../define/field.ts';

/** Values by column; those of CSV are texts, null where the field is empty. */
export type TableRecord = Readonly<Record<string, unknown>>;

/** A column of a table that is written; the type counts where the format has types of columns. */
export interface TableColumn {
  readonly name: string;
  readonly type: FieldType;
}
