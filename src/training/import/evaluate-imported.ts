import type { VersionMetrics } from '../../contracts/model-bundle.ts';
import type { TrainingSet } from '../../contracts/training-set.ts';
import { scoreChampion, unseenRows, type Champion } from '../champion.ts';
import { evaluateModel } from '../evaluate-model.ts';
import type { TrainingPlan } from '../training-plan.ts';

interface Evaluated {
  readonly set: TrainingSet;
  readonly plan: TrainingPlan;
  readonly champion: Champion | null;
  readonly trainedTo: number | null;
}

/**
 * Metrics on the hold-out, of the rows that the model has not learned from; beside the champion where enough of these
 * are new to both.
 */
export async function evaluateImported(
  { set, plan, champion, trainedTo }: Evaluated,
  holdout: Uint32Array,
  scoreRows: (rows: Uint32Array) => Promise<Float32Array>,
  notes: string[],
): Promise<VersionMetrics> {
  const none: VersionMetrics = { candidate: null, champion: null, championVersion: null, exportParity: null };
  const own = trainedTo === null ? holdout : unseenRows(set, holdout, trainedTo);
  if (own === null) {
    notes.push(`it was not evaluated: it learned from rows up to ${new Date(trainedTo as number).toISOString()}, and too few of the hold-out came after`);
    return none;
  }
  if (trainedTo === null) notes.push('its figures may be too good: nobody said up to when it learned, so it may know the rows of the hold-out');
  const { rows, scores: compared, notCompared } = await scoreChampion(set, plan, champion, own);
  if (notCompared !== null) notes.push(`it was not compared with the champion: ${notCompared}`);
  return {
    candidate: evaluateModel(set, rows, await scoreRows(rows), plan.segments),
    champion: compared === null ? null : evaluateModel(set, rows, compared, plan.segments),
    championVersion: compared === null ? null : (champion?.version ?? null),
    exportParity: null,
    ...(notCompared === null ? {} : { notCompared }),
  };
}
