import { MillraceError } from '../../core/millrace-error.ts';
import type { FieldType } from '../../define/field.ts';
import type { Source } from '../../define/source.ts';
import { quoteIdentifier as quote, type Queryable } from '../../infra/postgres.ts';
import { logTable, reservedFieldNames } from '../log-table.ts';
import { assertDistinct, coldColumns, type ColdColumn } from './cold-columns.ts';
import type { ColdFile } from './cold-files.ts';
import { withinRanges } from './plan-export.ts';

/** As PostgreSQL names the types that logs have. */
const fieldTypes: Readonly<Record<string, FieldType>> = {
  text: 'string',
  'double precision': 'number',
  boolean: 'boolean',
  'timestamp with time zone': 'timestamp',
};

/**
 * The columns that an export writes, besides those of every log: all that the log's table has. A field that left the
 * project, or that the exporting process does not know yet, has its values there only.
 * @throws MillraceError COLD_LOG_SOURCE_UNFIT where a file can't have them, or the source's fields besides
 */
export async function exportedColumns(db: Queryable, source: Source): Promise<ColdColumn[]> {
  const present = await payloadColumns(db, source.name);
  const columns = present.map(({ name, sqlType }): ColdColumn => {
    const type = source.schema[name]?.type ?? fieldTypes[sqlType];
    if (type !== undefined) return { name, type };
    throw new MillraceError(
      'COLD_LOG_SOURCE_UNFIT',
      `Source '${source.name}' can't be exported: the column '${name}' of its log is ${sqlType}, which no field is. Drop the column, or keep its values elsewhere.`,
    );
  });
  const fields = coldColumns(source).filter(({ name }) => !columns.some((column) => column.name === name));
  assertDistinct(source, [...columns, ...fields]);
  return columns;
}

/** Whether Postgres has values at a file's offsets in columns that the file lacks. */
export async function hasUnexportedValues(
  db: Queryable,
  source: Source,
  { columns, ranges }: Pick<ColdFile, 'columns' | 'ranges'>,
): Promise<boolean> {
  const exported = new Set(columns.map(({ name }) => name));
  const lacking = (await payloadColumns(db, source.name)).filter(({ name }) => !exported.has(name));
  if (lacking.length === 0) return false;
  const tests = lacking.map(({ name }) => `${quote(name)} IS NOT NULL`);
  const found = await db.query(
    `SELECT 1 FROM ${logTable(source.name)} WHERE ${withinRanges(ranges)} AND (${tests.join(' OR ')}) LIMIT 1`,
  );
  return found.length > 0;
}

async function payloadColumns(db: Queryable, source: string): Promise<{ name: string; sqlType: string }[]> {
  const columns = await db.query<{ name: string; sqlType: string }>(
    `SELECT column_name AS name, data_type AS "sqlType" FROM information_schema.columns
     WHERE table_schema = 'log' AND table_name = $1 ORDER BY ordinal_position`,
    [source],
  );
  return columns.filter(({ name }) => !reservedFieldNames.has(name));
}
