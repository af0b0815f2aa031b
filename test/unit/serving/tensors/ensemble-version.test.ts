import { describe, expect, it } from 'vitest';
import type { Ensemble } from '../../../../src/contracts/ensemble.ts';
import { MillraceError } from '../../../../src/core/millrace-error.ts';
import type { TensorBundle } from '../../../../src/registry/bundle.ts';
import { toGolden } from '../../../../src/registry/golden-tensors.ts';
import type { RequestTrace } from '../../../../serving/request-trace.ts';
import { Departure } from '../../../../serving/batcher/departure.ts';
import { systemTimers, type Timers } from '../../../../serving/batcher/timers.ts';
import { loadEnsembleVersion } from '../../../../serving/tensors/ensemble-version.ts';
import type { RunnableVersion } from '../../../../serving/tensors/runnable-version.ts';
import { VirtualTimers } from '../../../support/serving/virtual-timers.ts';
import type { Tensor } from '../../../../src/contracts/tensor.ts';

const tensor = (name: string, value: number): Tensor => ({ name, datatype: 'FP32', shape: [1, 1], elements: Float32Array.of(value) });
const ensemble: Ensemble = {
  format: 1,
  steps: [
    { name: 'first', model: 'plus', version: 1, digest: 'plus/1', inputs: { x: { input: 'x' } } },
    { name: 'second', model: 'plus', version: 1, digest: 'plus/1', inputs: { x: { step: 'first', output: 'y' } } },
  ],
  outputs: { y: { step: 'second', output: 'y' } },
};
/** y = x + 1, by the second of two steps that don't wait for each other. */
const beside: Ensemble = {
  ...ensemble,
  steps: ensemble.steps.map((step) => ({ ...step, inputs: { x: { input: 'x' } } })),
  outputs: { y: { step: 'second', output: 'y' } },
};
/** y = x + 1, twice. */
const bundle = (answer: number, graph: Ensemble = ensemble): TensorBundle =>
  ({
    model: 'twice',
    version: 7,
    digest: 'd',
    graph: { role: 'ensemble.json', bytes: Buffer.from(JSON.stringify(graph)), path: '', sha256: '' },
    signature: { model: 'twice', outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 1] }] },
    goldenBatch: { tensors: { inputs: [toGolden(tensor('x', 5))], outputs: [toGolden(tensor('y', answer))] }, tolerance: 1e-6 },
  }) as unknown as TensorBundle;

/** Its runs wait for 2 ms and take 3, where there are timers. */
function member(digest = 'plus/1', fails: (value: number) => Error | null = () => null, timers: Timers | null = null) {
  const state = { closed: 0, deadlines: [] as number[], departures: [] as unknown[] };
  const version: Pick<RunnableVersion, 'digest' | 'run' | 'close'> = {
    digest,
    run: ([x], deadline, asked) => {
      state.deadlines.push(deadline);
      state.departures.push(asked?.departure);
      const value = x!.elements[0] as number;
      const error = fails(value);
      if (error !== null) return Promise.reject(error);
      const answer = { outputs: [tensor('y', value + 1)], queueMs: 2, computeMs: 3 };
      return timers === null ? Promise.resolve(answer) : new Promise((resolve) => timers.after(5, () => resolve(answer)));
    },
    close: () => {
      state.closed++;
      return Promise.resolve();
    },
  };
  return { state, version: version as RunnableVersion };
}

describe('a version of an ensemble', () => {
  it('gives each step the one deadline and the one caller, and has a span for each', async () => {
    const { state, version } = member();
    const loaded = await loadEnsembleVersion(bundle(7), () => Promise.resolve(version), systemTimers);
    state.deadlines.length = 0;
    state.departures.length = 0;
    const departure = new Departure();
    const spans: [string, object][] = [];
    const span = { fail: () => undefined, end: () => undefined };
    const trace = { start: (name: string, attributes: object) => (spans.push([name, attributes]), span) } as unknown as RequestTrace;
    const answer = await loaded.run([tensor('x', 1)], 1_234, { departure, trace });
    expect(answer).toMatchObject({ outputs: [{ name: 'y', elements: Float32Array.of(3) }] });
    expect(state.deadlines).toEqual([1_234, 1_234]);
    expect(state.departures).toEqual([departure, departure]);
    expect(spans).toEqual(['first', 'second'].map((step) => ['step', { 'millrace.step': step, 'millrace.model': 'plus', 'millrace.version': 1 }]));
    await loaded.close();
    expect(state.closed).toBe(1);
  });

  it.each([
    ['one after the other', ensemble, { queueMs: 4, computeMs: 6 }, 7],
    ['side by side', beside, { queueMs: 2, computeMs: 3 }, 6],
  ])('counts steps that run %s as the time that they take', async (_how, found, times, answer) => {
    const timers = new VirtualTimers();
    const { version } = member('plus/1', () => null, timers);
    const loading = loadEnsembleVersion(bundle(answer, found), () => Promise.resolve(version), timers);
    await timers.runUntil(100);
    const running = (await loading).run([tensor('x', 1)], 1_000);
    await timers.runUntil(200);
    expect(await running).toMatchObject(times);
  });

  it('keeps the code and the advice of what a step fails with, and says which step', async () => {
    const fails = (value: number) => (value === 11 ? new MillraceError('SERVING_OVERLOADED', 'full', { details: { retryAfterSeconds: 4 } }) : null);
    const loaded = await loadEnsembleVersion(bundle(7), () => Promise.resolve(member('plus/1', fails).version), systemTimers);
    await expect(loaded.run([tensor('x', 10)], 0)).rejects.toMatchObject({
      code: 'SERVING_OVERLOADED',
      message: "Step 'second' of model 'twice' version 7: full",
      details: { retryAfterSeconds: 4 },
    });
  });

  it.each([
    ['another golden batch', bundle(8), 'plus/1', /The golden batch failed: element 0 of output 'y' is 7, expected 8/],
    ['a version of another digest', bundle(7), 'plus/2', /step 'first' is of digest plus\/1, and plus version 1 is plus\/2/],
  ])('is SERVING_VERSION_REJECTED for %s, and lets go what it has', async (_, wrong, digest, why) => {
    const { state, version } = member(digest);
    await expect(loadEnsembleVersion(wrong, () => Promise.resolve(version), systemTimers)).rejects.toMatchObject({
      code: 'SERVING_VERSION_REJECTED',
      message: expect.stringMatching(why) as string,
    });
    expect(state.closed).toBe(1);
  });
});
