import { derivationOf } from '../../define/derivation.ts';
import type { Source } from '../../define/source.ts';
import { sha256Hex } from '../../infra/artifacts.ts';
import { quoteIdentifier as quote } from '../../infra/postgres.ts';
import { logTable, type LogIndex } from '../log-table.ts';
import { planAttachments } from './attachment-plan.ts';

/** Characters of a key that an index holds: eight of them fit into the 2,700 bytes that PostgreSQL takes. */
const KEY_CHARS = 64;
const NAME_DIGEST_CHARS = 32;

/** Tests that the fields of a row `l` have the values of the columns of `w`, in a form that the index serves. */
export const keysEqual = (fields: readonly string[], values: readonly string[]): string[] =>
  fields.flatMap((field, k) => {
    const value = `w.${quote(values[k] ?? field)}`;
    return [
      `left(l.${quote(field)}, ${KEY_CHARS}) = left(${value}, ${KEY_CHARS})`,
      `l.${quote(field)} = ${value}`,
    ];
  });

/** The indexes that the attachments of a derived source are read by. */
export function keyIndexesOf(source: Source): LogIndex[] {
  const derivation = derivationOf(source);
  if (derivation === undefined) return [];
  const { tables, views } = planAttachments(derivation);
  return [
    ...tables.map(({ table, keys }) =>
      indexOf(
        table.name,
        keys.map(({ ofTable }) => ofTable),
        ['effective_time', 'known_time', 'source_offset', 'source_partition'],
      ),
    ),
    // The log has an index by known time alone.
    ...views
      .filter(({ program }) => program.keyFields.length > 0)
      .map(({ program }) => indexOf(program.view.source.name, program.keyFields, ['known_time'])),
  ];
}

function indexOf(source: string, keys: readonly string[], times: readonly string[]): LogIndex {
  const columns = [...keys.map((key) => `left(${quote(key)}, ${KEY_CHARS})`), ...times];
  const name = `keyed_${sha256Hex(JSON.stringify([source, columns])).slice(0, NAME_DIGEST_CHARS)}`;
  return { source, name, sql: `CREATE INDEX ${quote(name)} ON ${logTable(source)} (${columns.join(', ')})` };
}
