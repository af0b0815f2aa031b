import { CHANGE_SIGN } from '../../define/change-fields.ts';
import type { FeatureView } from '../../define/feature-view.ts';
import { quoteIdentifier as quote } from '../../infra/postgres.ts';
import { conditionSql } from './condition-sql.ts';
import { exactOf, fieldOf, valueOf } from './event-columns.ts';
import type { SqlPart } from './sql-aggregate.ts';
import type { SqlFeature, SqlFeaturePart } from './sql-aggregate-of.ts';
import { sqlWindow, type SqlWindow } from './view-windows.ts';

/** The partial results of one aggregation, as aggregates over events `e`. */
export interface FeaturePart {
  readonly window: SqlWindow;
  readonly parts: Readonly<Record<string, SqlPart>>;
  /** The aggregation's value from its merged partial results. */
  readonly value: (parts: Readonly<Record<string, string>>, asOfMs: string) => string;
}

/** @param tests what events must pass besides the aggregation's condition, such as to lie in its window */
export function featurePart(
  view: FeatureView,
  { aggregation, form }: SqlFeaturePart,
  tests: (window: SqlWindow) => readonly string[],
): FeaturePart {
  const window = sqlWindow(aggregation);
  const filter = [...tests(window), ...conditionSql(aggregation.where, (field) => `e.${quote(field)}`)];
  const over = (call: string, test?: string): string => {
    const all = test === undefined ? filter : [...filter, test];
    return all.length === 0 ? call : `${call} FILTER (WHERE ${all.join(' AND ')})`;
  };
  const { field } = aggregation;
  const sign = view.source.changes === true ? `e.${quote(CHANGE_SIGN)}` : null;
  const input = {
    value: valueOf(view.source, field),
    exact: exactOf(view.source, field),
    column: fieldOf(field),
    effectiveMs: 'e."effective ms"',
    knownMs: 'e."known ms"',
    over,
    counted: (expression?: string) =>
      sign === null
        ? over(`count(${expression ?? '*'})`)
        : `coalesce(${over(`sum(${sign})`, expression === undefined ? undefined : `${expression} IS NOT NULL`)}, 0)`,
    summed: (expression: string) => over(`sum(${sign === null ? expression : `${sign} * (${expression})`})`),
    listed: (expression: string, rows: 'added' | 'taken back') => {
      const isOfRows = sign === null ? (rows === 'added' ? 'true' : 'false') : `${sign} ${rows === 'added' ? '>' : '<'} 0`;
      return over(`array_agg(${expression})`, `${isOfRows} AND ${expression} IS NOT NULL`);
    },
  };
  return {
    window,
    parts: form.parts(input, aggregation),
    value: (parts, asOfMs) => form.value(parts, aggregation, asOfMs),
  };
}

/** A feature's value from those of its aggregations. */
export function featureValue({ feature }: SqlFeature, values: readonly string[]): string {
  return 'parts' in feature ? `millrace.${feature.kind}(${values.join(', ')})` : values.join();
}
