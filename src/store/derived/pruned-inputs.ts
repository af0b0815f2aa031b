import { attachedSource, derivationOf, inputsOf } from '../../define/derivation.ts';
import type { Source } from '../../define/source.ts';
import type { Queryable } from '../../infra/postgres.ts';
import { prunedFiles, type ColdFile } from '../cold-log/cold-files.ts';
import type { DerivationDefinition } from './derivation-definition.ts';
import { readDerivePositions } from './derive-positions.ts';

/**
 * What deriving would pass over without a word, since it looks into tables alone and rows of an input are in files alone: a
 * new derived source, a field newly attached, or events that were pruned before a derived source that came back got to them.
 * One that is in the project has the logs of its inputs kept whole.
 * @param before the derivation as it was applied; undefined for a new source
 */
export async function prunedInputProblems(
  db: Queryable,
  source: Source,
  before: DerivationDefinition | undefined,
): Promise<string[]> {
  const derivation = derivationOf(source);
  if (derivation === undefined) return [];
  const problems: string[] = [];
  const added = before === undefined ? inputsOf(source) : addedInputs(source, before);
  for (const { name } of new Set([derivation.from, ...added])) {
    const pruned = await prunedFiles(db, name);
    const isAdded = added.some((input) => input.name === name);
    const missed = isAdded || pruned.length === 0 ? pruned : await beyondPositions(db, source, pruned);
    if (missed.length > 0) problems.push(problemOf(name, missed));
  }
  return problems;
}

/** Sources of the fields that the applied derivation lacks. */
const addedInputs = (source: Source, before: DerivationDefinition): Source[] =>
  Object.entries(derivationOf(source)?.attach ?? {}).flatMap(([field, attachment]) =>
    before.attach[field] === undefined ? [attachedSource(attachment)] : [],
  );

/** Files with originals that were not derived yet. */
async function beyondPositions(db: Queryable, source: Source, files: readonly ColdFile[]): Promise<ColdFile[]> {
  const positions = await readDerivePositions(db, source.name);
  return files.filter(({ ranges }) =>
    ranges.some(({ partition, rows, to }) => rows > 0 && to > (positions.get(partition) ?? 0)),
  );
}

function problemOf(input: string, files: readonly ColdFile[]): string {
  const from = new Date(Math.min(...files.map(({ knownFrom }) => knownFrom))).toISOString();
  const to = new Date(Math.max(...files.map(({ knownTo }) => knownTo))).toISOString();
  return `it is made of '${input}', of which rows known from ${from} to ${to} are in the cold log only, where deriving does not look. Send these events to a new source, and derive from that before its log is pruned.`;
}
