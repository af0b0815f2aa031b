import { workflowInfo } from '@temporalio/workflow';
import { judgeCandidate } from '../src/contracts/judge-candidate.ts';
import type { TrainInput, TrainOutcome } from '../src/contracts/lifecycle.ts';
import { registryActivities, trainingActivities } from './activity-proxies.ts';
import { showProgress } from './show-progress.ts';

/**
 * Builds the training set as of the data cut, trains, registers, and judges the candidate by its hold-out
 * beside the champion's. Never changes what serves.
 */
export async function trainModel(input: TrainInput): Promise<TrainOutcome> {
  const { model, request } = input;
  const training = trainingActivities(input.namespace);
  showProgress({ model, trigger: request.trigger, phase: 'training' }, `Building the training set: ${request.reason}`);
  const built = await training.buildTrainingSet({ model, dataCut: request.dataCut });
  showProgress({}, `Training on ${built.rows} rows known at ${new Date(built.dataCut).toISOString()}`);
  const result = await training.trainAndRegister({
    model,
    request,
    trainingSet: built.trainingSet,
    dataCut: built.dataCut,
    ...(built.viewVersions === undefined ? {} : { viewVersions: built.viewVersions }),
  });
  const refusal = judgeCandidate(result, input.maxLogLossIncrease);
  if (refusal !== null) {
    await registryActivities(input.namespace).recordLedger({
      model,
      version: result.version,
      actor: workflowInfo().workflowId,
      action: 'refuse',
      reason: `Version ${result.version} is refused before rollout: ${refusal}.`,
      details: {
        verdict: 'refused',
        trigger: request.trigger,
        candidateLogLoss: result.candidateLogLoss,
        championLogLoss: result.championLogLoss,
      },
    });
  }
  showProgress(
    { version: result.version, phase: 'idle', ...(refusal === null ? {} : { verdict: 'refused' }) },
    `Version ${result.version}: ${refusal ?? `hold-out log loss ${result.candidateLogLoss?.toFixed(4)}, champion ${result.championLogLoss?.toFixed(4) ?? result.notCompared ?? 'none'}`}`,
  );
  return { training: result, refusal };
}
