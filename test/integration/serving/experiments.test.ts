import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { bucketOf, rangeAt, type Experiment } from '../../../src/contracts/experiment.ts';
import type { Decision } from '../../../src/contracts/decision.ts';
import { experimentPoint } from '../../../serving/router/arm-routes.ts';
import type { RunningServing } from '../../../serving/start-serving.ts';
import { changedExperiment, experimentOf } from '../../support/serving/experiment-of.ts';
import { createServingStage, WEIGHTS, type ServingStage } from '../../support/serving/serving-stage.ts';

const KEYS = Array.from({ length: 200 }, (_, i) => `K${i}`);

interface Answer {
  version: number | null;
  variant: string | null;
  predictions: { decisionId: string; version: number; variant: string; digest: string; explanation?: { split: unknown } }[];
}

let stage: ServingStage;
let serving: RunningServing;
let champion: number;
let challenger: number;

const predict = async (keys: readonly string[], include?: object): Promise<Answer> => {
  const instances = keys.map((origin, i) => ({ flightId: `F${i}`, origin, carrier: 'UA', distance: 500 }));
  const response = await fetch(`${serving.url}/v1/models/delay/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ instances, ...(include === undefined ? {} : { include }) }),
  });
  const body: unknown = await response.json();
  expect([response.status, body]).toEqual([200, expect.anything()]);
  return body as Answer;
};
const variantsOf = async (keys: readonly string[]): Promise<string[]> => (await predict(keys)).predictions.map(({ variant }) => variant);
const expected = (experiment: Experiment, key: string): string => {
  const range = rangeAt(experiment.ranges, bucketOf(experimentPoint('delay', experiment.name, [key])));
  return range === undefined ? 'champion' : `${experiment.name}/${range.arm}`;
};
const follows = async (change: Parameters<ServingStage['allocate']>[0]) => {
  const { revision } = await stage.allocate(change);
  await vi.waitFor(() => expect(serving.dataPlane.model('delay').router.status.revision).toBe(revision), { timeout: 30_000, interval: 20 });
};

beforeAll(async () => {
  stage = await createServingStage();
  champion = await stage.register({ weights: WEIGHTS, bias: 0 });
  challenger = await stage.register({ weights: WEIGHTS, bias: 1 });
  serving = await stage.serve();
  await follows({ champion });
});
afterAll(() => stage.close());

const arms = () => [
  { name: 'control', version: champion, share: 0.3 },
  { name: 'bolder', version: challenger, share: 0.2 },
];
const moved = (before: readonly string[], after: readonly string[]): string[] => before.filter((variant, i) => variant !== after[i]);

describe('an experiment that runs', () => {
  it('names each reply after its arm, the same one for the same key, and leaves the others to the champion', async () => {
    const experiment = experimentOf('first-try', arms());
    await follows({ champion, experiment });
    const answer = await predict(KEYS);
    expect(answer.predictions.map(({ variant }) => variant)).toEqual(KEYS.map((key) => expected(experiment, key)));
    expect(new Set(answer.predictions.map(({ variant }) => variant))).toEqual(new Set(['first-try/control', 'first-try/bolder', 'champion']));
    for (const { variant, version } of answer.predictions) expect(version).toBe(variant === 'first-try/bolder' ? challenger : champion);
    expect(await variantsOf(KEYS)).toEqual(answer.predictions.map(({ variant }) => variant));
  });

  it('gives the same key the same arm whoever asks, one key or many, in another process too', async () => {
    const variants = await variantsOf(KEYS);
    for (const i of [0, 7, 99]) expect(await variantsOf([KEYS[i] as string])).toEqual([variants[i]]);
    const other = await stage.serve();
    await vi.waitFor(() => expect(other.dataPlane.ready).toBe(true), { timeout: 30_000 });
    expect(KEYS.map((key) => other.dataPlane.model('delay').router.routeOf([key])?.variant)).toEqual(variants);
  });

  it('moves entities only from the champion to arms that grow, while requests lose nothing', async () => {
    const before = await variantsOf(KEYS);
    const running = (await stage.registry.getAllocation('delay'))?.experiment as Experiment;
    const grown = changedExperiment(running, { control: 0.5, bolder: 0.4 });
    let asking = true;
    const seen: string[][] = [];
    const load = Promise.all(
      [0, 1, 2, 3].map(async () => {
        while (asking) seen.push(await variantsOf(KEYS));
      }),
    );
    await follows({ champion, experiment: grown });
    asking = false;
    await load;
    const after = await variantsOf(KEYS);
    expect(after).toEqual(KEYS.map((key) => expected(grown, key)));
    expect(new Set(moved(before, after))).toEqual(new Set(['champion']));
    expect(seen.length).toBeGreaterThan(3);
    // Each request saw the shares before or those after, never a mixture.
    for (const variants of seen) expect([before, after]).toContainEqual(variants);
    const shrunk = changedExperiment(grown, { bolder: 0.1 });
    await follows({ champion, experiment: shrunk });
    expect(new Set(moved(after, await variantsOf(KEYS)))).toEqual(new Set(['first-try/bolder']));
  });

  it('says which experiment, arm and point it was, and GET shows the arms', async () => {
    const [key] = KEYS.filter((one) => expected(experimentOf('seen', arms()), one) === 'seen/bolder');
    const experiment = experimentOf('seen', arms());
    await follows({ champion, experiment });
    const { variant, predictions } = await predict([key as string], { explanation: true });
    expect(variant).toBe('seen/bolder');
    expect(predictions[0]?.explanation?.split).toEqual({ by: ['origin'], point: experimentPoint('delay', 'seen', [key as string]), canaryShare: null, experiment: 'seen' });
    const response = await fetch(`${serving.url}/v1/models/delay`);
    expect(await response.json()).toMatchObject({
      experiment: { name: 'seen', control: 'control', arms: experiment.arms, started: true },
      versions: expect.arrayContaining([expect.objectContaining({ version: challenger, role: 'arm' })]) as unknown,
    });
    const stored = async (): Promise<Decision> => (await (await fetch(`${serving.url}/v1/decisions/${predictions[0]?.decisionId}`)).json()) as Decision;
    await vi.waitFor(async () => expect(await stored()).toMatchObject({ variant: 'seen/bolder', version: challenger, unit: key }));
  });

  it('has series of its arms only, and the next one takes their place', async () => {
    await predict(KEYS);
    const text = await (await fetch(`${serving.url}/metrics`)).text();
    expect(text).toMatch(/millrace_predictions_total\{model="delay",variant="seen\/bolder"[^}]*\} \d+/);
    expect(text).not.toContain('first-try');
  });

  it('may have one version in two arms, which are told apart', async () => {
    const experiment = experimentOf('a-a', [
      { name: 'left', version: champion, share: 0.5 },
      { name: 'right', version: champion, share: 0.5 },
    ]);
    await follows({ champion, experiment });
    const answer = await predict(KEYS);
    expect(answer).toMatchObject({ version: champion, variant: null });
    expect(new Set(answer.predictions.map(({ variant }) => variant))).toEqual(new Set(['a-a/left', 'a-a/right']));
    const left = await variantsOf(KEYS);
    await follows({ champion, experiment: experimentOf('a-a-2', experiment.arms.map((arm) => ({ ...arm }))) });
    const right = await variantsOf(KEYS);
    // Another name is another assignment: of 200 entities some 100 have the other arm there.
    const same = left.filter((variant, i) => variant.split('/')[1] === right[i]?.split('/')[1]).length;
    expect(same).toBeGreaterThan(60);
    expect(same).toBeLessThan(140);
  });
});

describe('arms that are not loaded', () => {
  it('have no traffic before they have ranges, and their entities stay with the champion where a version is refused', async () => {
    const broken = await stage.register({ weights: WEIGHTS, bias: 2 }, { numericNames: ['something_else'] });
    const two = [
      { name: 'control', version: champion, share: 0.5 },
      { name: 'broken', version: broken, share: 0.5 },
    ];
    await follows({ champion, experiment: experimentOf('waiting', two, { ranges: [] }) });
    expect(new Set(await variantsOf(KEYS))).toEqual(new Set(['champion']));
    expect(serving.dataPlane.ready).toBe(true);
    await follows({ champion, experiment: experimentOf('waiting', two) });
    expect(new Set(await variantsOf(KEYS))).toEqual(new Set(['waiting/control', 'champion']));
  });
});
