import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Decision } from '../../../src/contracts/decision.ts';
import { featureView } from '../../../src/define/feature-view.ts';
import { project } from '../../../src/define/project.ts';
import { compileService } from '../../../src/fold/compile-service.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import { currentModel, recordService } from '../../../src/store/current-services.ts';
import { viewDefinition, writeDefinitions } from '../../../src/store/project-definitions.ts';
import { serviceDigest } from '../../../src/store/service-digest.ts';
import { addViewVersion, flipViewVersion, moveViewVersion } from '../../../src/store/view-versions.ts';
import type { RunningServing } from '../../../serving/start-serving.ts';
import { createServingStage, WEIGHTS, type ServingStage } from '../../support/serving/serving-stage.ts';
import { delayModel, originDepartures, tinyProject } from '../../support/serving/tiny-project.ts';

const HOUR_MS = 3_600_000;
const asOf = Date.UTC(2013, 5, 1, 12);
const note = { actor: 'tester', reason: 'try it' };
const name = originDepartures.name;

/** As wide as version 1, and without a state it has no null. */
const changedView = featureView({
  name: 'origin_departures',
  version: 2,
  entity: originDepartures.entity,
  source: tinyProject.sources.find((source) => source.name === 'departures')!,
  features: (a) => ({ departed3h: a.count({ window: '3h' }), departed1d: a.count({ window: '1d' }) }),
});
const changedModel = { ...delayModel, service: { ...delayModel.service, views: [changedView] } };
const changedProject = project({ name: 'tiny', models: [changedModel] });

let stage: ServingStage;
let serving: RunningServing;
let one: number;
let two: number;

const settledAt = (revision: number) =>
  vi.waitFor(
    async () => {
      expect((await stage.registry.liveServing('delay')).map((report) => report.revision)).toEqual([revision]);
    },
    { timeout: 30_000, interval: 50 },
  );

const ask = async (origin: string): Promise<{ version: number; decision: Decision }> => {
  const [prediction] = await serving.dataPlane.predict(
    'delay',
    [{ flightId: 'F1', origin, carrier: 'UA', distance: 500 }],
    { asOf },
  );
  const { version, decisionId } = prediction!;
  const decision = await vi.waitFor(async () => {
    const response = await fetch(`${serving.url}/v1/decisions/${decisionId}`);
    expect(response.status).toBe(200);
    return (await response.json()) as Decision;
  });
  return { version, decision };
};

const readsOf = ({ decision }: { decision: Decision }): string[] =>
  decision.reads.map(({ view, version }) => `${view} ${version}`);

beforeAll(async () => {
  stage = await createServingStage();
  const program = compileService(changedModel.service);
  for (const view of [originDepartures, changedView])
    await writeDefinitions(stage.postgres, [viewDefinition(compileView(view))]);
  for (const version of [1, 2]) {
    await stage.postgres.transaction(async (tx) => {
      await addViewVersion(tx, { name, version }, 'building', note);
      await flipViewVersion(tx, { name, version }, ['building'], note);
    });
  }
  await recordService(stage.postgres, stage.program);
  await recordService(stage.postgres, program);
  await stage.fold('JFK', [
    { at: asOf - HOUR_MS / 2, delayMinutes: 10 },
    { at: asOf - HOUR_MS / 4, delayMinutes: 30 },
  ]);
  one = await stage.register({ weights: WEIGHTS, bias: 0 });
  two = await stage.register(
    { weights: WEIGHTS, bias: 1 },
    { serviceDigest: serviceDigest(program), viewVersions: { [name]: 2 }, numericNames: program.numericNames },
  );
  // The file has version 2 only.
  serving = await stage.serve({}, {}, changedProject);
});
afterAll(() => stage.close());

describe('serving whose project has another version of a view than its champion', () => {
  it('goes on reading the version that the champion was trained with', async () => {
    await settledAt((await stage.allocate({ champion: one })).revision);
    const answer = await ask('JFK');
    expect(answer.version).toBe(one);
    expect(readsOf(answer)).toEqual([`${name} 1`]);
    expect(answer.decision.reads[0]?.fence).not.toEqual({});
    const numbers = Buffer.from(answer.decision.numbers, 'base64');
    expect([numbers.readFloatLE(0), numbers.readFloatLE(4)]).toEqual([2, 40]);
  });

  it('reads for a canary what it was trained with, and for its champion what that was', async () => {
    await settledAt((await stage.allocate({ champion: one, canary: { version: two, share: 0.5 } })).revision);
    const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => ask(`A${n}`)));
    const byVersion = new Map(answers.map((answer) => [answer.version, readsOf(answer)]));
    expect(byVersion).toEqual(new Map([[one, [`${name} 1`]], [two, [`${name} 2`]]]));
    // Both in one request: each instance as its own version wants it.
    const predictions = await serving.dataPlane.predict(
      'delay',
      answers.map((_, n) => ({ flightId: 'F1', origin: `A${n}`, carrier: 'UA', distance: 500 })),
      { asOf },
    );
    expect(predictions.map(({ version }) => version)).toEqual(answers.map(({ version }) => version));
  });

  it('lets a shadow read for itself', async () => {
    await settledAt((await stage.allocate({ champion: one, shadow: two })).revision);
    const { decision } = await ask('JFK');
    expect(decision.reads.map(({ version }) => version)).toEqual([1]);
    expect(decision.shadow?.version).toBe(two);
    expect(decision.shadow?.score).not.toBe(decision.score);
  });

  it('answers online reads from the version that is current, within seconds of a flip', async () => {
    const namesOf = async (): Promise<string[]> => {
      const answer = await serving.onlineFeatures.read({
        selection: { views: [name] },
        entities: [{ origin: 'JFK' }],
        asOf,
        include: { ages: false, fences: false },
      });
      return answer.names.slice();
    };
    expect(await namesOf()).toEqual([`${name}.departed3h`, `${name}.departed1d`]);
    await stage.postgres.transaction((tx) => flipViewVersion(tx, { name, version: 1 }, ['retiring'], note));
    await vi.waitFor(async () => expect(await namesOf()).toEqual([`${name}.departed1h`, `${name}.delay1h`]), {
      timeout: 10_000,
    });
    expect((await currentModel(stage.postgres, changedProject, changedModel)).service.views[0]?.version).toBe(1);
  });

  it('rejects a version whose views are gone, and keeps the former champion', async () => {
    await stage.postgres.transaction((tx) => moveViewVersion(tx, { name, version: 2 }, ['retiring'], 'gone', note));
    await settledAt((await stage.allocate({ champion: one })).revision);
    await settledAt((await stage.allocate({ champion: two })).revision);
    const [report] = await stage.registry.liveServing('delay');
    expect(report?.rejected[0]?.reason).toContain(`'${name}' version 2, whose states are gone`);
    expect((await ask('JFK')).version).toBe(one);
  });
});
