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

describe('an experiment that runs', () => {
  const arms = () => [
    { name: 'control', version: champion, share: 0.4 },
    { name: 'bolder', version: challenger, share: 0.2 },
  ];

  it('names each reply after its arm, the same one for the same key, and leaves the others to the champion', async () => {
    const experiment = experimentOf('first-try', arms());
    await follows({ champion, experiment });
    const answer = await predict(KEYS);
    expect(answer.predictions.map(({ variant }) => variant)).toEqual(KEYS.map((key) => expected(experiment, key)));
    expect(new Set(answer.predictions.map(({ variant }) => variant))).toEqual(new Set(['first-try/control', 'first-try/bolder', 'champion']));
    for (const { variant, version } of answer.predictions) expect(version).toBe(variant === 'first-try/bolder' ? challenger : champion);
    expect(await variantsOf(KEYS)).toEqual(answer.predictions.map(({ variant }) => variant));
  });
});
