import type { FieldType } from '../define/field.ts';

const WHOLE = /^U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?$/;

/** By type of ours: whether a type of DuckDB's holds values of it. Keys are numbers in many warehouses: whole ones are texts as they are written. */
const fits: Readonly<Record<FieldType, (found: string) => boolean>> = {
  string: (found) => found === 'VARCHAR' || found === 'UUID' || found.startsWith('ENUM') || WHOLE.test(found),
  number: (found) => /^(DOUBLE|FLOAT|DECIMAL.*)$/.test(found) || WHOLE.test(found),
  boolean: (found) => found === 'BOOLEAN',
  timestamp: (found) => found.startsWith('TIMESTAMP') || found === 'DATE' || found === 'BIGINT',
};

export const fitsType = (type: FieldType, found: string): boolean => fits[type](found);

/**
 * SQL of a column's values as we have them: times as double precision, in ms since the epoch, those without a zone in UTC. What is of the type
 * already, or of none that fits, is left as it is.
 * @param column as it is written in the query
 * @param found its type in DuckDB
 */
export function valueSql(column: string, type: FieldType, found: string): string {
  if (found === 'VARCHAR' || found === 'BOOLEAN') return column;
  if (type === 'string') return `${column}::VARCHAR`;
  if (type === 'number' || found === 'BIGINT') return `${column}::DOUBLE`;
  // A time with a zone is its instant already: casting it would ask for an extension.
  return `epoch_ms(${found === 'TIMESTAMP WITH TIME ZONE' ? column : `${column}::TIMESTAMP`})::DOUBLE`;
}
