import { describe, expect, it } from 'vitest';
import { TensorBatcher, type TensorBatcherOptions } from '../../../../serving/tensors/tensor-batcher.ts';
import type { Tensor } from '../../../../src/contracts/tensor.ts';
import { MillraceError } from '../../../../src/core/millrace-error.ts';
import { VirtualTimers } from '../../../support/serving/virtual-timers.ts';

const RUN_MS = 10;
const floats = (values: number[], columns = 1): Tensor[] => [
  { name: 'x', datatype: 'FP32', shape: [values.length / columns, columns], elements: Float32Array.from(values) },
];

function setUp(over: Partial<TensorBatcherOptions> = {}, fails: (values: readonly number[]) => Error | null = () => null) {
  const timers = new VirtualTimers();
  const runs: number[][] = [];
  const batcher = new TensorBatcher({
    label: 'm/1',
    batched: true,
    batchRowsMax: 4,
    queueRowsMax: 6,
    runMs: RUN_MS,
    timers,
    run: async (inputs) => {
      const values = [...(inputs[0]!.elements as Float32Array)];
      runs.push(values);
      await timers.sleep(RUN_MS);
      const error = fails(values);
      if (error !== null) throw error;
      return inputs.map((tensor) => ({ ...tensor, name: 'y' }));
    },
    ...over,
  });
  const submit = async (values: number[], deadline = 1_000, columns = 1) => {
    const { outputs, ...times } = await batcher.submit(floats(values, columns), deadline);
    return { ...times, shape: outputs[0]!.shape, values: [...(outputs[0]!.elements as Float32Array)] };
  };
  return { timers, runs, batcher, submit };
}

describe('the batcher of tensors', () => {
  it('runs at once when idle, and then what has come meanwhile together', async () => {
    const { timers, runs, submit } = setUp();
    const first = submit([1]);
    await timers.runUntil(1);
    const others = [submit([2, 3]), submit([4])];
    await timers.runUntil(50);
    expect(runs).toEqual([[1], [2, 3, 4]]);
    expect(await first).toEqual({ shape: [1, 1], values: [1], queueMs: 0, computeMs: RUN_MS });
    expect(await Promise.all(others)).toEqual([
      { shape: [2, 1], values: [2, 3], queueMs: 9, computeMs: RUN_MS },
      { shape: [1, 1], values: [4], queueMs: 9, computeMs: RUN_MS },
    ]);
  });

  it('runs alone what has not the same rows in all of its tensors, of which a graph makes what it likes', async () => {
    const shapes: (readonly (readonly number[])[])[] = [];
    const { timers, batcher } = setUp({
      queueRowsMax: 100,
      run: async (inputs) => {
        shapes.push(inputs.map(({ shape }) => shape));
        await timers.sleep(RUN_MS);
        return inputs.map((tensor) => ({ ...tensor, name: `${tensor.name}_out` }));
      },
    });
    const two = (a: number[], b: number[]): Tensor[] => [floats(a)[0]!, { ...floats(b)[0]!, name: 'm' }];
    const submitted: Tensor[][] = [two([0], [0]), two([1, 2], [7]), two([3], [8, 9]), two([], []), two([4], [5]), two([6], [6])];
    const answers = submitted.map((inputs) => batcher.submit(inputs, 1_000));
    expect(batcher.queuedRows).toBe(7);
    await timers.runUntil(100);
    expect(shapes).toEqual([
      [[3, 1], [3, 1]],
      [[2, 1], [1, 1]],
      [[1, 1], [2, 1]],
      [[0, 1], [0, 1]],
    ]);
    const found = (await Promise.all(answers)).map(({ outputs }) => outputs.map(({ elements }) => [...(elements as Float32Array)]));
    expect(found).toEqual(submitted.map((inputs) => inputs.map(({ elements }) => [...(elements as Float32Array)])));
  });

  it('fills a run up to its rows, keeps apart what has another shape, and runs alone what is too large', async () => {
    const { timers, runs, submit } = setUp({ queueRowsMax: 100 });
    const answers = [submit([0]), timers.runUntil(1)];
    await answers[1];
    const rest = [submit([1, 2]), submit([3, 4], 1_000, 2), submit([5, 6, 7]), submit([8]), submit([1, 2, 3, 4, 5, 6])];
    await timers.runUntil(100);
    expect(runs).toEqual([[0], [1, 2, 8], [3, 4], [5, 6, 7], [1, 2, 3, 4, 5, 6]]);
    expect((await Promise.all(rest)).map(({ values }) => values.length)).toEqual([2, 2, 3, 1, 6]);
  });

  it('runs one request at a time where the model shares no runs', async () => {
    const { timers, runs, submit } = setUp({ batched: false, batchRowsMax: 1 });
    const answers = [submit([1, 2]), submit([3]), submit([4])];
    await timers.runUntil(100);
    expect(runs).toEqual([[1, 2], [3], [4]]);
    await Promise.all(answers);
  });

  it('refuses what the queue can not hold', async () => {
    const { timers, submit, batcher } = setUp();
    const answers = [submit([0])];
    await timers.runUntil(1);
    answers.push(submit([1, 2, 3]), submit([4, 5]));
    expect(batcher.queuedRows).toBe(5);
    await expect(submit([6, 7])).rejects.toMatchObject({ code: 'SERVING_OVERLOADED', details: { retryAfterSeconds: 1 } });
    await timers.runUntil(100);
    await Promise.all(answers);
  });

  it('gives up at the deadline, waiting or running, and runs nothing for it', async () => {
    const { timers, runs, submit, batcher } = setUp();
    const late = { code: 'SERVING_DEADLINE_EXCEEDED' };
    const running = expect(submit([1], 5)).rejects.toMatchObject(late);
    const waiting = expect(submit([2], 8, 1)).rejects.toMatchObject(late);
    await timers.runUntil(1);
    const behind = expect(submit([3], 9)).rejects.toMatchObject(late);
    await timers.runUntil(100);
    await Promise.all([running, waiting, behind, batcher.idle()]);
    expect(runs).toEqual([[1, 2]]);
  });

  it('runs the others again where one request fails a run', async () => {
    const { timers, submit } = setUp({}, (values) => (values.includes(13) ? new MillraceError('SERVING_SESSION_FAILED', 'no') : null));
    const first = submit([0]);
    await timers.runUntil(1);
    const answers = [submit([1]), submit([13]), submit([2])];
    const settled = Promise.allSettled(answers);
    await timers.runUntil(200);
    await first;
    expect((await settled).map((one) => (one.status === 'fulfilled' ? one.value.values : (one.reason as MillraceError).code))).toEqual([[1], 'SERVING_SESSION_FAILED', [2]]);
  });

  it('does not run again after a lost session for nobody', async () => {
    const { timers, runs, submit } = setUp({}, () => new MillraceError('SERVING_SESSION_LOST', 'lost'));
    const late = submit([1], RUN_MS / 2);
    const refused = expect(late).rejects.toMatchObject({ code: 'SERVING_DEADLINE_EXCEEDED' });
    await timers.runUntil(100);
    await refused;
    expect(runs).toEqual([[1]]);
  });

  it('runs once more after a lost session', async () => {
    let lost = 0;
    const { timers, runs, submit } = setUp({}, () => (lost++ === 0 ? new MillraceError('SERVING_SESSION_LOST', 'gone') : null));
    const answer = submit([1]);
    await timers.runUntil(100);
    expect((await answer).values).toEqual([1]);
    expect(runs).toHaveLength(2);
  });
});
