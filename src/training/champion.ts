import type { Lineage, ModelGraph, ModelSignature } from '../contracts/model-bundle.ts';
import type { TrainingSet } from '../contracts/training-set.ts';
import { modelInput } from './encode-examples.ts';
import { scoreGraph } from './score-graph.ts';
import { HOLDOUT_ROWS_MIN } from './split-by-time.ts';

/** A registered version that the candidate is held against, on the same rows. */
export interface Champion {
  readonly version: number;
  readonly signature: ModelSignature;
  readonly lineage: Lineage;
  readonly graph: ModelGraph;
}

/** Null where the champion takes columns that this set does not have: the two can't be compared then. */
export async function scoreChampion(
  set: TrainingSet,
  { signature, graph }: Champion,
  rows: Uint32Array,
): Promise<Float32Array | null> {
  const input = modelInput(set, signature, rows);
  if (input === null) return null;
  return scoreGraph(graph, input, signature.numericNames.length + signature.categories.length, signature.tensors);
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
export function learnedTo({ trainer, trainingTo }: Lineage): number {
  const { refit } = trainer as { readonly refit?: { readonly to: number } | null };
  return refit?.to ?? trainingTo;
}
