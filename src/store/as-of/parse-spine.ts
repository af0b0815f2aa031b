import { MillraceError } from '../../core/millrace-error.ts';
import { timestamp, type Schema } from '../../define/field.ts';
import { parseRow } from '../../fold/parse-row.ts';
import { typedValue } from '../../infra/table-record.ts';
import type { OnlineReadPlan } from '../online-catalog.ts';
import type { SpineRow } from './as-of-mode.ts';

/** Column of a spine that holds a row's moment, unless told otherwise. */
export const AS_OF_COLUMN = 'asOf';
/** Problems that one failure lists; the rest is counted. */
const PROBLEMS_MAX = 20;

/** A row as its file has it; other columns than those that are asked for pass through. */
export type SpineRecord = Readonly<Record<string, unknown>>;

export interface SpineFormat {
  readonly plan: OnlineReadPlan;
  readonly asOfColumn: string;
  /** The format has no types but text: numbers, booleans and times are read out of it. */
  readonly isText: boolean;
}

/**
 * Parses some rows, all problems of theirs together.
 * @param firstRow number of the first of them in the file, from 1
 * @throws MillraceError FEATURE_SPINE_INVALID naming rows and fields
 */
export function parseSpine(
  { plan, asOfColumn, isText }: SpineFormat,
  records: readonly unknown[],
  firstRow: number,
): SpineRow[] {
  const time: Schema = { [asOfColumn]: timestamp() };
  const schema: Schema = { ...plan.schema, ...time };
  const problems: string[] = [];
  let count = 0;
  const rows = records.flatMap((record, i): SpineRow[] => {
    const parsed = parseRow(schema, isText ? typedOf(schema, record as SpineRecord) : record);
    if (parsed.ok) return [{ row: parsed.row, asOf: parsed.row[asOfColumn] as number }];
    for (const text of parsed.problems)
      if (++count <= PROBLEMS_MAX) problems.push(`row ${firstRow + i}: ${text}`);
    return [];
  });
  if (count === 0) return rows;
  const more = count > PROBLEMS_MAX ? `; and ${count - PROBLEMS_MAX} more` : '';
  throw new MillraceError(
    'FEATURE_SPINE_INVALID',
    `Spine is wrong: ${problems.join('; ')}${more}. Its columns are '${asOfColumn}' and ${Object.keys(
      plan.schema,
    )
      .map((name) => `'${name}'`)
      .join(', ')}.`,
  );
}

/** @throws MillraceError FEATURE_SPINE_INVALID where the header of a file lacks a column that is asked for, or has one that is computed */
export function assertColumns(columns: readonly string[], { plan, asOfColumn }: SpineFormat): void {
  assertNotComputed(columns, computedNames(plan));
  const missing = [asOfColumn, ...Object.keys(plan.schema)].filter((name) => !columns.includes(name));
  if (missing.length === 0) return;
  throw new MillraceError(
    'FEATURE_SPINE_INVALID',
    `Spine has no column ${missing.map((name) => `'${name}'`).join(', ')}; it has ${columns.map((name) => `'${name}'`).join(', ')}. Rename its columns, or name the one of the times with --time.`,
  );
}

/** Names of the values that a read adds to a row; a request field, which is a feature too, is the spine's own. */
export const computedNames = ({ names, schema }: OnlineReadPlan): ReadonlySet<string> =>
  new Set(names.filter((name) => !Object.hasOwn(schema, name)));

/** @throws MillraceError FEATURE_SPINE_INVALID where a column of the spine would have to hold two values */
export function assertNotComputed(columns: readonly string[], computed: ReadonlySet<string>, row?: number): void {
  const taken = columns.filter((name) => computed.has(name));
  if (taken.length === 0) return;
  throw new MillraceError(
    'FEATURE_SPINE_INVALID',
    `Spine${row === undefined ? '' : `, row ${row}`}: expected no column that is named as a feature that is computed, found ${taken.map((name) => `'${name}'`).join(', ')}. Rename it, for example '${taken[0]} given', or leave it out.`,
  );
}

function typedOf(schema: Schema, record: SpineRecord): SpineRecord {
  return Object.fromEntries(
    Object.entries(schema).map(([name, { type }]) => [name, typedValue(type, record[name])]),
  );
}
