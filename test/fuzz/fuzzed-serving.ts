import { expect, vi } from 'vitest';
import type { RunningServing } from '../../serving/start-serving.ts';
import { createServingStage, WEIGHTS, type ServingStage } from '../support/serving/serving-stage.ts';

/** A serving process whose one model answers. */
export async function openFuzzedServing(): Promise<{ readonly stage: ServingStage; readonly serving: RunningServing }> {
  const stage = await createServingStage();
  const version = await stage.register({ weights: WEIGHTS, bias: 0 });
  await stage.allocate({ champion: version });
  const serving = await stage.serve();
  await vi.waitFor(() => expect(serving.dataPlane.model('delay').router.routes.champion).not.toBeNull(), { timeout: 30_000 });
  return { stage, serving };
}
