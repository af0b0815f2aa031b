import type { FeatureView } from '../../define/feature-view.ts';
import type { Source } from '../../define/source.ts';
import { quoteIdentifier as quote } from '../../infra/postgres.ts';
import { IDENTIFIER_BYTES_MAX } from '../log-table.ts';
import { sqlFeaturesOf } from './sql-aggregate-of.ts';
import type { SqlDialect } from './sql-dialect.ts';

/**
 * Columns of the events that a view reads, named as the fields: numbers (-0 as 0) and timestamps (ms since the
 * epoch) as double precision, texts and booleans as they are, and exact numbers beside those that are summed.
 */
export function eventColumns(view: FeatureView, dialect: SqlDialect): string[] {
  const parts = sqlFeaturesOf(view, dialect).flatMap((feature) => feature.parts);
  const fields = new Set([
    ...view.entity.keys.map((key) => view.keyFields[key] ?? key),
    ...parts.flatMap(({ aggregation: { field, where } }) => [...(field === null ? [] : [field]), ...Object.keys(where ?? {})]),
  ]);
  const summed = new Set(
    parts.flatMap(({ aggregation: { field }, form }) => (field !== null && form.readsExact ? [field] : [])),
  );
  return [
    ...[...fields].map((field) => `${columnSql(view.source, field)} AS ${quote(field)}`),
    ...[...summed]
      .filter((field) => view.source.schema[field]?.type === 'number')
      .map((field) => `millrace.exact_numeric(l.${quote(field)}) AS ${quote(exactName(view.source, field))}`),
  ];
}

/** The field of an event `e` in its own type, timestamps as ms since the epoch. */
export const fieldOf = (field: string | null): string => (field === null ? 'NULL' : `e.${quote(field)}`);

/** The field of an event `e` as double precision. */
export function valueOf(source: Source, field: string | null): string {
  return field !== null && source.schema[field]?.type === 'boolean' ? `e.${quote(field)}::int::float8` : fieldOf(field);
}

/** The field of an event `e` as numeric. */
export function exactOf(source: Source, field: string | null): string {
  if (field === null) return 'NULL';
  return source.schema[field]?.type === 'boolean'
    ? `e.${quote(field)}::int::numeric`
    : `e.${quote(exactName(source, field))}`;
}

/** The field of a row `l` of the log, ready to be compared. */
export function columnSql(source: Source, field: string): string {
  const column = `l.${quote(field)}`;
  const type = source.schema[field]?.type;
  if (type === 'number') return `${column} + 0`;
  return type === 'timestamp' ? `millrace.epoch_ms(${column})::float8` : column;
}

/** Longer names would be cut off, and be the field's own. */
function exactName(source: Source, field: string): string {
  const name = `${field} exact`;
  return name.length <= IDENTIFIER_BYTES_MAX ? name : `exact ${Object.keys(source.schema).indexOf(field)}`;
}
