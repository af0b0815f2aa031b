import type { FieldType } from '../define/field.ts';
import { CHANGE_SIGN } from '../define/change-fields.ts';
import { deliveryIdField, type Source } from '../define/source.ts';
import { sha256Hex } from '../infra/artifacts.ts';
import { quoteIdentifier } from '../infra/postgres.ts';

/** Columns that every offline log starts with; the source's fields follow, named as they are. */
export const logMetaColumns = [
  { name: 'source_partition', sqlType: 'integer', copyType: 'int4' },
  { name: 'source_offset', sqlType: 'bigint', copyType: 'int8' },
  { name: 'event_time', sqlType: 'timestamptz', copyType: 'timestamp' },
  { name: 'effective_time', sqlType: 'timestamptz', copyType: 'timestamp' },
  { name: 'known_time', sqlType: 'timestamptz', copyType: 'timestamp' },
] as const;
/** Types on the wire of these columns. */
export const logMetaTypes = logMetaColumns.map(({ copyType }) => copyType);

/** Names that a field can't have, because the log uses them. */
export const reservedFieldNames: ReadonlySet<string> = new Set(logMetaColumns.map((column) => column.name));

const sqlTypes: Readonly<Record<FieldType, string>> = {
  string: 'text',
  number: 'double precision',
  boolean: 'boolean',
  timestamp: 'timestamptz',
};

/** PostgreSQL cuts longer names off without a word. */
export const IDENTIFIER_BYTES_MAX = 63;
const INDEX_DIGEST_CHARS = 32;

/** Quoted name of a source's offline log, for use in SQL. */
export const logTable = (source: string): string => `log.${quoteIdentifier(source)}`;

export function createLogTableSql(source: Source): string[] {
  const table = logTable(source.name);
  const columns = [
    ...logMetaColumns.map((column) => `${column.name} ${column.sqlType} NOT NULL`),
    ...Object.entries(source.schema).map(
      ([name, field]) =>
        `${quoteIdentifier(name)} ${sqlTypes[field.type]}${field.nullable ? '' : ' NOT NULL'}`,
    ),
    // A change has up to two rows of one offset: taken back, and added.
    `PRIMARY KEY (source_partition, source_offset${source.changes === true ? `, ${CHANGE_SIGN}` : ''})`,
  ];
  return [
    `CREATE TABLE ${table} (${columns.join(', ')})`,
    ...[...new Set([source.id, deliveryIdField(source)])].map(
      (id) => `CREATE INDEX ON ${table} (${quoteIdentifier(id)})`,
    ),
    `CREATE INDEX ON ${table} (known_time)`,
  ];
}

/** An index of the log of `source`. */
export interface LogIndex {
  readonly source: string;
  readonly name: string;
  /** Makes it. */
  readonly sql: string;
}

/**
 * An index for joins by another field than the event's id, such as a label's. It holds a hash: such a field has any text, and an entry that has
 * the text itself ends at about 2,700 bytes, by which one event would hold up all of the log. That of earlier releases was one, and is replaced.
 */
export function logIndexBy(source: string, field: string): LogIndex {
  const earlier = quoteIdentifier(indexName(`${source}_by_${field}`));
  const name = indexName(`${source}_where_${field}`);
  const create = `CREATE INDEX ${quoteIdentifier(name)} ON ${logTable(source)} USING hash (${quoteIdentifier(field)})`;
  return { source, name, sql: `DROP INDEX IF EXISTS log.${earlier}; ${create}` };
}

const indexName = (readable: string): string =>
  readable.length <= IDENTIFIER_BYTES_MAX ? readable : `by_${sha256Hex(readable).slice(0, INDEX_DIGEST_CHARS)}`;

export const addLogColumnSql = (source: string, name: string, type: FieldType): string =>
  `ALTER TABLE ${logTable(source)} ADD COLUMN ${quoteIdentifier(name)} ${sqlTypes[type]}`;

export const loosenLogColumnSql = (source: string, name: string): string =>
  `ALTER TABLE ${logTable(source)} ALTER COLUMN ${quoteIdentifier(name)} DROP NOT NULL`;

/** The order in which a transaction that writes to several logs, or changes them, takes them: two that keep to it can't wait for each other. */
export const sortBySource = <T>(items: readonly T[], sourceOf: (item: T) => string): T[] =>
  [...items].sort((a, b) => (sourceOf(a) < sourceOf(b) ? -1 : sourceOf(a) > sourceOf(b) ? 1 : 0));
