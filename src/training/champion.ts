import type { Lineage, ModelGraph, ModelSignature } from '../contracts/model-bundle.ts';
import type { TrainingSet } from '../contracts/training-set.ts';
import { isMillraceError } from '../core/millrace-error.ts';
import { modelInput } from './encode-examples.ts';
import { originDifference } from './row-origin.ts';
import { scoreGraph } from './score-graph.ts';
import { HOLDOUT_ROWS_MIN } from './split-by-time.ts';
import type { TrainingPlan } from './training-plan.ts';

/** A registered version that the candidate is held against, on the same rows. */
export interface Champion {
  readonly version: number;
  readonly signature: ModelSignature;
  readonly lineage: Lineage;
  readonly graph: ModelGraph;
}

/** The champion's scores of some of the rows, or why it has none; both null where there is no champion. */
export interface ChampionScores {
  /** Those that both versions are evaluated on; all that were given where the champion has no scores. */
  readonly rows: Uint32Array;
  readonly scores: Float32Array | null;
  readonly notCompared: string | null;
}

/**
 * Scores those rows that the champion has not learned from. Why it can't be compared is an answer: a candidate does not fail by its champion.
 * @param plan of the set
 */
export async function scoreChampion(
  set: TrainingSet,
  plan: Pick<TrainingPlan, 'viewVersions' | 'onDemand'>,
  champion: Champion | null,
  rows: Uint32Array,
): Promise<ChampionScores> {
  if (champion === null) return { rows, scores: null, notCompared: null };
  const { version, signature, graph, lineage } = champion;
  const without = (why: string): ChampionScores => ({ rows, scores: null, notCompared: `version ${version} ${why}` });
  const other = originDifference(signature, { ...plan, serviceDigest: set.serviceDigest });
  if (other !== null) return without(`reads ${other}`);
  const seenTo = learnedTo(lineage);
  const unseen = unseenRows(set, rows, seenTo);
  if (unseen === null) return without(`learned from rows up to ${new Date(seenTo).toISOString()}, and too few of the hold-out came after`);
  const input = modelInput(set, signature, unseen);
  if (input === null) return without('takes columns that the rows of today do not have');
  try {
    const columns = signature.numericNames.length + signature.categories.length;
    return { rows: unseen, scores: await scoreGraph(graph, input, columns, signature.tensors), notCompared: null };
  } catch (error) {
    if (!isMillraceError(error) || error.code !== 'SERVING_SCORE_INVALID') throw error;
    return without(`gives a row of the hold-out a score that is not a finite number (${error.message})`);
  }
}

/**
 * Rows of the hold-out that a version has not learned from: on the others it would be ahead without
 * merit. Null where too few are left to compare on.
 * @param seenTo `learnedTo` of the version
 */
export function unseenRows(set: TrainingSet, holdout: Uint32Array, seenTo: number): Uint32Array | null {
  const rows = holdout.filter((row) => (set.decisionTimes[row] as number) > seenTo);
  const positives = rows.reduce((sum, row) => sum + (set.labels[row] as number), 0);
  return rows.length >= HOLDOUT_ROWS_MIN && positives > 0 && positives < rows.length ? rows : null;
}

/** Decision time of the newest example that a registered version has learned from, ms since the epoch. */
function learnedTo({ trainer, trainingTo }: Lineage): number {
  const { refit } = trainer as { readonly refit?: { readonly to: number } | null };
  return refit?.to ?? trainingTo;
}
