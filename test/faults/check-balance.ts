import type { Names } from '../../src/contracts/names.ts';
import { quoteIdentifier, type Postgres } from '../../src/infra/postgres.ts';
import faultsProject from './faults-project.ts';
import { readTopics, type TopicMessage } from './read-topic.ts';
import type { SentEvent, SentRecord } from './sent-record.ts';

/** A difference between what has to be and what is, in words. */
export type Finding = string;

interface Place {
  readonly partition: number;
  readonly offset: number;
}

interface Held {
  /** Rows of the offline log by event id. */
  readonly rows: ReadonlyMap<string, readonly Place[]>;
  /** Codes of dead letters by `partition/offset`. */
  readonly letters: ReadonlyMap<string, string>;
  /** The pipeline's own account. */
  readonly counted: { readonly stored: number; readonly duplicates: number; readonly dead: number };
}

/**
 * Holds the offline log and the dead letters against the sender's books and the topic as it is: each accepted event is
 * stored exactly once, at its first copy; each bad message is a dead letter with its code; what was refused is nowhere;
 * what the topic holds beyond that was counted as a duplicate.
 */
export async function checkBalance(
  deps: { postgres: Postgres; brokers: readonly string[]; names: Names },
  record: SentRecord,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const sources = faultsProject.sources.map(({ name }) => name);
  const messages = await readTopics(deps.brokers, sources.map(deps.names.sourceTopic));
  for (const source of sources) {
    const topic = deps.names.sourceTopic(source);
    const copies = copiesById(messages.filter((message) => message.topic === topic));
    const held = await readHeld(deps.postgres, source);
    for (const sent of record.events.values()) {
      if (sent.source === source) findings.push(...checkEvent(sent, copies.get(sent.id) ?? [], held));
    }
    for (const id of [...copies.keys(), ...held.rows.keys()]) {
      if (!record.events.has(id))
        findings.push(`${source} ${id}: expected nothing of that id, nobody sent it`);
    }
    findings.push(...checkCounts(source, copies, held, record));
  }
  return findings;
}

function checkEvent(sent: SentEvent, copies: readonly Place[], held: Held): Finding[] {
  const rows = held.rows.get(sent.id) ?? [];
  const letters = copies.map((place) => held.letters.get(textOf(place)));
  const say = (expected: string, found: string): Finding =>
    `${sent.source} ${sent.id} (sent ${sent.attempts} times, accepted ${sent.accepted} times, copies at ${copies.map(textOf).join(' ')}): expected ${expected}, found ${found}`;
  const [first] = copies;
  if (sent.expected === 'refused') {
    return rows.length + copies.length === 0
      ? []
      : [say('nothing, the gateway refused it', `${rows.length} rows`)];
  }
  if (copies.length < Math.min(1, sent.accepted))
    return [say('a copy in the topic', 'none: it was accepted and lost')];
  if (copies.length > 0 && sent.attempts === 0) return [say('no copy', `${copies.length}`)];
  if (sent.expected === 'stored') {
    const isRight =
      first === undefined
        ? rows.length === 0
        : rows.length === 1 && rows[0] !== undefined && textOf(rows[0]) === textOf(first);
    const letter = letters.find((code) => code !== undefined);
    if (letter !== undefined) return [say('no dead letter', letter)];
    return isRight
      ? []
      : [say('one row, at the first copy', `${rows.length}: ${rows.map(textOf).join(' ')}`)];
  }
  const { expected } = sent;
  if (rows.length > 0) return [say(`the dead letter ${expected}`, `${rows.length} rows`)];
  return letters.every((code) => code === expected)
    ? []
    : [say(`the dead letter ${expected}`, letters.join(' '))];
}

function checkCounts(
  source: string,
  copies: ReadonlyMap<string, readonly Place[]>,
  { rows, letters, counted }: Held,
  record: SentRecord,
): Finding[] {
  let [stored, dead, duplicates] = [0, 0, 0];
  for (const [id, places] of copies) {
    if (record.events.get(id)?.expected === 'stored') {
      stored++;
      duplicates += places.length - 1;
    } else dead += places.length;
  }
  return [
    ['rows', stored, [...rows.values()].flat().length],
    ['dead letters', dead, letters.size],
    ['counted as stored', stored, counted.stored],
    ['counted as duplicates', duplicates, counted.duplicates],
    ['counted as dead letters', dead, counted.dead],
  ].flatMap(([what, expected, found]) =>
    expected === found ? [] : [`source ${source}, ${what}: expected ${expected}, found ${found}`],
  );
}

function copiesById(messages: readonly TopicMessage[]): Map<string, Place[]> {
  const copies = new Map<string, Place[]>();
  for (const { key, partition, offset } of messages) {
    const places = copies.get(key);
    if (places === undefined) copies.set(key, [{ partition, offset }]);
    else places.push({ partition, offset });
  }
  return copies;
}

async function readHeld(postgres: Postgres, source: string): Promise<Held> {
  const id = quoteIdentifier(faultsProject.sources.find(({ name }) => name === source)?.id ?? '');
  const rows = new Map<string, Place[]>();
  for (const [key, partition, offset] of (await postgres.queryArrays(
    `SELECT ${id}, source_partition, source_offset::float8 FROM log.${quoteIdentifier(source)} ORDER BY 2, 3`,
  )) as [string, number, number][]) {
    const places = rows.get(key);
    if (places === undefined) rows.set(key, [{ partition, offset }]);
    else places.push({ partition, offset });
  }
  const letters = (await postgres.queryArrays(
    'SELECT partition, source_offset::float8, code FROM millrace.dead_letters WHERE source = $1',
    [source],
  )) as [number, number, string][];
  const [counted] = await postgres.query<Held['counted']>(
    `SELECT sum(stored)::float8 AS stored, sum(duplicates)::float8 AS duplicates, sum(dead_letters)::float8 AS dead
       FROM millrace.ingest_positions WHERE source = $1`,
    [source],
  );
  return {
    rows,
    letters: new Map(letters.map(([partition, offset, code]) => [textOf({ partition, offset }), code])),
    counted: counted ?? { stored: 0, duplicates: 0, dead: 0 },
  };
}

const textOf = ({ partition, offset }: Place): string => `${partition}/${offset}`;
