import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRegistryActivities } from '../../../activities/registry.ts';
import type { AllocationChange } from '../../../src/registry/set-allocation.ts';
import { ALLOCATION_CHANNEL } from '../../../src/registry/set-allocation.ts';
import { eventually } from '../../support/eventually.ts';
import { openRegistryStage, someVersion, type RegistryStage } from '../../support/registry-stage.ts';

let stage: RegistryStage;

beforeAll(async () => {
  stage = await openRegistryStage();
});
afterAll(() => stage.close());

/** A model of its own with some versions. */
async function modelWith(name: string, versions: number): Promise<string> {
  await stage.registry.registerModel(name, { any: 'definition' });
  for (let seed = 1; seed <= versions; seed++) await stage.registry.registerVersion(someVersion(name, seed));
  return name;
}

const change = (model: string, changes: Partial<AllocationChange>): AllocationChange => ({
  model,
  expectedRevision: null,
  champion: null,
  canary: null,
  shadow: null,
  actor: 'tester',
  action: 'promote',
  reason: 'because',
  ...changes,
});

describe('model versions', () => {
  it('are numbered from one, and the same bundle is one version', async () => {
    const model = await modelWith('numbered', 2);
    const again = await stage.registry.registerVersion(someVersion(model, 1));
    expect(again).toMatchObject({ version: 1, existed: true });
    expect((await stage.registry.listVersions(model)).map(({ version }) => version)).toEqual([2, 1]);
  });

  it('are registered once by an attempt that runs twice', async () => {
    const model = await modelWith('keyed', 0);
    const first = await stage.registry.registerVersion(someVersion(model, 1, { key: 'attempt' }));
    const second = await stage.registry.registerVersion(someVersion(model, 2, { key: 'attempt' }));
    expect(second).toEqual({ ...first, existed: true });
    expect((await stage.registry.findVersionByKey(model, 'attempt'))?.version).toBe(1);
  });

  it('get distinct numbers when many register together', async () => {
    const model = await modelWith('crowded', 0);
    const made = await Promise.all(Array.from({ length: 8 }, (_, seed) => stage.registry.registerVersion(someVersion(model, seed))));
    expect(made.map(({ version }) => version).sort()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('need a registered model, and are named when they are missing', async () => {
    await expect(stage.registry.registerVersion(someVersion('nobody', 1))).rejects.toMatchObject({ code: 'MODEL_NOT_FOUND' });
    const model = await modelWith('short', 1);
    await expect(stage.registry.getVersion(model, 7)).rejects.toMatchObject({
      code: 'MODEL_VERSION_NOT_FOUND',
      message: expect.stringContaining('its newest is 1'),
    });
  });

  it('are described to a rollout, unless the model has no feature service: nothing could judge it', async () => {
    const { describeVersion } = createRegistryActivities(stage);
    expect(await describeVersion({ model: await modelWith('described', 1), version: 1 })).toMatchObject({ version: 1 });
    await stage.registry.registerTensorModel('unjudged');
    await stage.registry.registerVersion(someVersion('unjudged', 902));
    await expect(describeVersion({ model: 'unjudged', version: 1 })).rejects.toMatchObject({
      type: 'REQUEST_INVALID',
      nonRetryable: true,
      message: expect.stringContaining("Use 'millrace promote unjudged 1'"),
    });
  });

  it('come back whole, and a changed file is refused by name', async () => {
    const model = await modelWith('bundled', 1);
    const bundle = await stage.registry.readBundle(model, 1);
    expect(bundle.signature.numericNames).toEqual(['delay', 'distance']);
    expect(bundle.metrics.candidate?.overall.auc).toBe(0.77);
    await writeFile(stage.artifacts.path(bundle.manifest.files['model.onnx']!), 'something else');
    await expect(stage.registry.readBundle(model, 1)).rejects.toMatchObject({
      code: 'MODEL_BUNDLE_CORRUPT',
      message: expect.stringContaining("file 'model.onnx'"),
    });
  });
});

describe('an allocation', () => {
  it('moves by compare and set, with aliases, ledger and notification', async () => {
    const model = await modelWith('allocated', 2);
    const heard: (string | null)[] = [];
    const unlisten = await stage.postgres.listen(ALLOCATION_CHANNEL, (payload) => heard.push(payload));
    expect(await stage.registry.getAllocation(model)).toBeNull();
    const first = await stage.registry.setAllocation(change(model, { champion: 1 }));
    expect(first).toMatchObject({ revision: 1, champion: 1 });
    const second = await stage.registry.setAllocation(
      change(model, { expectedRevision: 1, champion: 1, canary: { version: 2, share: 0.1 }, action: 'canary' }),
    );
    expect(await stage.registry.getAllocation(model)).toEqual(second);
    expect([...(await stage.registry.getAllocations([model, 'of nobody']))]).toEqual([[model, second]]);
    const aliases = await stage.postgres.query('SELECT alias, version FROM millrace.aliases WHERE model = $1 ORDER BY alias', [model]);
    expect(aliases).toEqual([
      { alias: 'challenger', version: 2 },
      { alias: 'champion', version: 1 },
    ]);
    expect((await stage.registry.ledger(model))[0]).toMatchObject({ action: 'canary', version: 2, details: { revision: 2, champion: 1 } });
    await eventually('two notifications', 5_000, async () => heard, (all) => all.filter((name) => name === model).length === 2);
    await unlisten();
  });

  it('refuses a change that was decided on an older one, and takes a repeated one as done', async () => {
    const model = await modelWith('raced', 3);
    await stage.registry.setAllocation(change(model, { champion: 1 }));
    const move = change(model, { expectedRevision: 1, champion: 2 });
    const done = await stage.registry.setAllocation(move);
    expect(await stage.registry.setAllocation(move)).toEqual(done);
    await expect(stage.registry.setAllocation(change(model, { expectedRevision: 1, champion: 3 }))).rejects.toMatchObject({
      code: 'REGISTRY_REVISION_CONFLICT',
      message: expect.stringContaining('expected revision 1, found 2'),
    });
  });

  it('is won by one of many that change it together', async () => {
    const model = await modelWith('contested', 6);
    const outcomes = await Promise.allSettled([1, 2, 3, 4, 5, 6].map((champion) => stage.registry.setAllocation(change(model, { champion }))));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('never names a version that does not exist', async () => {
    const model = await modelWith('missing', 1);
    await expect(stage.registry.setAllocation(change(model, { champion: 5 }))).rejects.toMatchObject({ code: 'MODEL_VERSION_NOT_FOUND' });
    expect(await stage.registry.getAllocation(model)).toBeNull();
  });

  it('tells what was champion at a moment and before the present one', async () => {
    const model = await modelWith('past', 3);
    const moments: number[] = [];
    let expectedRevision: number | null = null;
    for (const [champion, action] of [[1, 'promote'], [2, 'promote'], [1, 'rollback'], [3, 'promote']] as const) {
      expectedRevision = (await stage.registry.setAllocation(change(model, { expectedRevision, champion, action }))).revision;
      moments.push((await stage.registry.ledger(model, 1))[0]?.at ?? 0);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(await Promise.all(moments.map((at) => stage.registry.championAt(model, at)))).toEqual([1, 2, 1, 3]);
    expect(await stage.registry.championAt(model, (moments[0] ?? 0) - 1)).toBeNull();
    expect(await stage.registry.previousChampion(model)).toBe(1);
  });
});

describe('serving reports', () => {
  it('are of live processes only', async () => {
    const model = 'served';
    const report = { model, revision: 3, loaded: [1, 2], rejected: [{ version: 4, reason: 'golden batch differs' }] };
    await stage.registry.reportServing({ process: 'a', ...report, errors: [{ version: 2, count: 5 }] });
    await stage.registry.reportServing({ process: 'b', ...report });
    await stage.postgres.query("UPDATE millrace.serving_status SET reported_at = now() - interval '1 minute' WHERE process = 'b'");
    expect(await stage.registry.liveServing(model)).toEqual([{ process: 'a', ...report, errors: [{ version: 2, count: 5 }] }]);
    // Errors of a process that fell silent were errors nevertheless.
    await stage.postgres.query("UPDATE millrace.serving_status SET reported_at = now() - interval '1 minute' WHERE process = 'a'");
    expect(await stage.registry.servingErrors(model, 2)).toEqual({ a: 5 });
    expect(await stage.registry.servingErrors(model, 1)).toEqual({});
    await stage.registry.withdrawServing('a');
    expect(await stage.registry.liveServing(model)).toEqual([]);
  });
});
