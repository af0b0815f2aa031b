import type { RolloutPolicy } from '../../../src/contracts/lifecycle.ts';
import type { StubWorld } from '../workflows/stub-world.ts';
import { openWorldStage, startLifecycle } from '../workflows/lifecycle-stage.ts';
import { openCommandStage } from './command-stage.ts';

export type WorldCommandStage = Awaited<ReturnType<typeof openWorldCommandStage>>;

/** Commands beside workers of a stub world. */
export async function openWorldCommandStage(world: () => StubWorld) {
  const stage = await openCommandStage();
  const workers = await openWorldStage(world, {}, stage.environment['MILLRACE_NAMESPACE'] ?? '');
  return {
    stage,
    workers,
    /** Starts the lifecycle of model 'fraud'. */
    startLifecycle: (policy?: Partial<RolloutPolicy>) => startLifecycle(workers, 'fraud', policy),
    async close(): Promise<void> {
      await workers.close();
      await stage.close();
    },
  };
}
