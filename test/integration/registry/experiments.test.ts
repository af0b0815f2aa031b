import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Experiment } from '../../../src/contracts/experiment.ts';
import { listViewNeeds } from '../../../src/registry/list-view-needs.ts';
import type { AllocationChange } from '../../../src/registry/set-allocation.ts';
import { findExperiment } from '../../../src/registry/store-experiment.ts';
import { openRegistryStage, someVersion, type RegistryStage } from '../../support/registry-stage.ts';
import { changedExperiment, experimentOf } from '../../support/serving/experiment-of.ts';

let stage: RegistryStage;
let models = 0;

beforeAll(async () => {
  stage = await openRegistryStage();
});
afterAll(() => stage.close());

/** A model with three versions, the first its champion. */
async function someModel(): Promise<string> {
  const model = `tested${++models}`;
  await stage.registry.registerModel(model, {});
  for (const seed of [1, 2, 3]) await stage.registry.registerVersion(someVersion(model, models * 10 + seed));
  await stage.registry.setAllocation(change(model, null, {}));
  return model;
}

const change = (model: string, expectedRevision: number | null, over: Partial<AllocationChange>): AllocationChange => ({
  model,
  expectedRevision,
  champion: 1,
  canary: null,
  shadow: null,
  actor: 'tester',
  action: 'test',
  reason: 'because',
  ...over,
});
const some = (name: string): Experiment => experimentOf(name, [{ name: 'control', version: 1, share: 0.5 }, { name: 'new', version: 2, share: 0.25 }]);

describe('an experiment in the registry', () => {
  it('comes and goes with the revision of the allocation, each change in the ledger', async () => {
    const model = await someModel();
    const { registry } = stage;
    const started = some('first');
    const first = await registry.setAllocation(change(model, 1, { experiment: started, action: 'start-experiment' }));
    const { startedAt, changedAt, ...plan } = started;
    expect(first).toMatchObject({ revision: 2, experiment: plan });
    // The times are the database's.
    expect([startedAt, changedAt]).not.toContain(first.experiment?.startedAt);
    expect(first.experiment?.changedAt).toBe(first.experiment?.startedAt);
    expect(await registry.getAllocation(model)).toEqual(first);
    // The answer was lost: the same change again.
    expect(await registry.setAllocation(change(model, 1, { experiment: started }))).toEqual(first);
    const grown = changedExperiment(started, { new: 0.5 });
    await expect(registry.setAllocation(change(model, 1, { experiment: grown }))).rejects.toMatchObject({ code: 'REGISTRY_REVISION_CONFLICT' });
    const changed = await registry.setAllocation(change(model, 2, { experiment: grown }));
    expect(changed.experiment?.startedAt).toBe(first.experiment?.startedAt);
    expect(changed.experiment?.changedAt).toBeGreaterThan(first.experiment?.changedAt ?? NaN);
    // A shadow beside it changes nothing of it.
    expect((await registry.setAllocation(change(model, 3, { shadow: 3, experiment: grown }))).experiment).toEqual(changed.experiment);
    const ended = await registry.setAllocation(change(model, 4, { champion: 2, winner: 'new', action: 'promote' }));
    expect(ended).not.toHaveProperty('experiment');
    expect(await registry.getAllocation(model)).toEqual({ model, revision: 5, champion: 2, canary: null, shadow: null });
    const [end, , , start] = await registry.ledger(model);
    expect(end?.details).toMatchObject({ endedExperiment: 'first', winner: 'new', champion: 2 });
    expect(start?.details).toMatchObject({ experiment: first.experiment });
    expect(await registry.verifyLedger()).toMatchObject({ ok: true });
    expect(await findExperiment(stage.postgres, model, null)).toMatchObject({
      experiment: { ...grown, startedAt: first.experiment?.startedAt, changedAt: changed.experiment?.changedAt },
      endedAt: expect.any(Number) as number,
      endedBy: 'tester',
      endReason: 'because',
      winner: 'new',
    });
    expect(await registry.previousChampion(model)).toBe(1);
  });

  it('leaves nothing behind where it never had a range, and uses its name once where it had', async () => {
    const model = await someModel();
    const { registry } = stage;
    await registry.setAllocation(change(model, 1, { experiment: { ...some('second'), ranges: [] } }));
    await registry.setAllocation(change(model, 2, {}));
    await expect(findExperiment(stage.postgres, model, null)).rejects.toMatchObject({ code: 'EXPERIMENT_NOT_FOUND' });
    await registry.setAllocation(change(model, 3, { experiment: { ...some('second'), ranges: [] } }));
    await registry.setAllocation(change(model, 4, { experiment: some('second') }));
    // Going over from one to another ends the first.
    await registry.setAllocation(change(model, 5, { experiment: some('third') }));
    expect(await findExperiment(stage.postgres, model, 'second')).toMatchObject({ endedBy: 'tester' });
    for (const ranges of [[], some('second').ranges]) {
      await expect(registry.setAllocation(change(model, 6, { experiment: { ...some('second'), ranges } }))).rejects.toMatchObject({ code: 'EXPERIMENT_NAME_TAKEN' });
    }
    expect((await registry.getAllocation(model))?.revision).toBe(6);
  });

  it('has registered versions only, and none beside a canary', async () => {
    const model = await someModel();
    const alien = experimentOf('alien', [{ name: 'control', version: 1, share: 0.5 }, { name: 'new', version: 9, share: 0.5 }]);
    await expect(stage.registry.setAllocation(change(model, 1, { experiment: alien }))).rejects.toMatchObject({ code: 'MODEL_VERSION_NOT_FOUND' });
    await expect(stage.registry.setAllocation(change(model, 1, { canary: { version: 2, share: 0.1 }, experiment: some('both') }))).rejects.toMatchObject({
      code: 'STORE_QUERY_FAILED',
      message: expect.stringContaining('allocations_experiment_alone') as string,
    });
    expect((await stage.registry.getAllocation(model))?.revision).toBe(1);
  });

  it('is refused for a model whose requests name no entity', async () => {
    await stage.registry.registerTensorModel('tensors');
    await stage.registry.registerVersion(someVersion('tensors', 901));
    await stage.registry.setAllocation(change('tensors', null, {}));
    const alone = experimentOf('a-a', [{ name: 'control', version: 1, share: 0.5 }, { name: 'new', version: 1, share: 0.5 }]);
    await expect(stage.registry.setAllocation(change('tensors', 1, { experiment: alone }))).rejects.toMatchObject({ code: 'EXPERIMENT_INVALID' });
  });

  it('keeps the views that its arms read', async () => {
    const model = await someModel();
    await stage.registry.setAllocation(change(model, 1, { experiment: some('reading') }));
    const needs = (await listViewNeeds(stage.postgres, 0, Date.now() + 1_000)).filter((need) => need.model === model);
    expect(needs.map(({ modelVersion, why }) => [modelVersion, why])).toEqual([
      [2, 'arm'],
      [1, 'champion'],
    ]);
  });
});
