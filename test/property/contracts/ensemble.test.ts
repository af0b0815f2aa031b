import fc from 'fast-check';
import { expect, it } from 'vitest';
import { runEnsemble, type Ensemble } from '../../../src/contracts/ensemble.ts';
import { linkEnsemble, type DraftStep } from '../../../src/contracts/link-ensemble.ts';
import type { Tensor, TensorSpec } from '../../../src/contracts/tensor.ts';

const spec = (name: string): TensorSpec => ({ name, datatype: 'FP64', shape: [-1] });
const tensor = (name: string, value: number): Tensor => ({ name, datatype: 'FP64', shape: [1], elements: Float64Array.of(value) });
const valueOf = ({ elements }: Tensor): number => elements[0] as number;

interface Plan {
  /** Of each step: where its two inputs come from; a number below the step's own is an earlier one, else an input. */
  readonly takes: readonly (readonly [number, number])[];
  readonly order: readonly number[];
  readonly delays: readonly number[];
  readonly inputs: readonly number[];
}

/** Steps 0, 1, ... each of which multiplies one tensor by 3 and adds another, and answers that and its negative. */
const plan: fc.Arbitrary<Plan> = fc.integer({ min: 1, max: 12 }).chain((count) =>
  fc.record({
    takes: fc.tuple(...Array.from({ length: count }, (_, at) => fc.tuple(fc.integer({ min: 0, max: at + 1 }), fc.integer({ min: 0, max: at + 1 })))),
    order: fc.shuffledSubarray(Array.from({ length: count }, (_, at) => at), { minLength: count, maxLength: count }),
    delays: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: count, maxLength: count }),
    inputs: fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -9, max: 9 })),
  }),
);

const sourceOf = (at: number, step: number): string => (at < step ? `s${at}.${at % 2 === 0 ? 'sum' : 'minus'}` : `x${at - step}`);

/** By its definition, one step after the other. */
function expectedSums({ takes, inputs }: Plan): number[] {
  const sums: number[] = [];
  takes.forEach(([a, b], step) => {
    const value = (at: number): number => (at < step ? sums[at]! * (at % 2 === 0 ? 1 : -1) : inputs[at - step]!);
    sums.push(3 * value(a) + value(b));
  });
  return sums;
}

it('every step runs once, on what it takes, however the steps were written and however long each takes', async () => {
  await fc.assert(
    fc.asyncProperty(plan, async (drawn) => {
      const { takes, order, delays, inputs } = drawn;
      const drafts = order.map(
        (step): DraftStep => ({
          name: `s${step}`,
          model: 'm',
          inputs: { a: sourceOf(takes[step]![0], step), b: sourceOf(takes[step]![1], step) },
          member: { version: 1, digest: 'd', inputs: [spec('a'), spec('b')], outputs: [spec('sum'), spec('minus')] },
        }),
      );
      const problems: string[] = [];
      const outputs = Object.fromEntries(takes.map((_, step) => [`o${step}`, `s${step}.sum`]));
      const { steps, outputs: origins, inputSpecs, outputSpecs } = linkEnsemble(drafts, outputs, problems);
      expect(problems).toEqual([]);
      const ensemble: Ensemble = { format: 1, steps, outputs: origins };
      const runs: string[] = [];
      const given = inputSpecs.map(({ name }) => tensor(name, inputs[Number(name.slice(1))]!));
      const answers = await runEnsemble(ensemble, given, outputSpecs, async ({ name }, taken) => {
        runs.push(name);
        for (let turn = 0; turn < delays[Number(name.slice(1))]!; turn++) await Promise.resolve();
        const by = new Map(taken.map((one) => [one.name, valueOf(one)]));
        const sum = 3 * by.get('a')! + by.get('b')!;
        return [tensor('sum', sum), tensor('minus', -sum)];
      });
      expect(runs.toSorted()).toEqual(drafts.map(({ name }) => name).sort());
      expect(answers.map(({ name }) => name)).toEqual(Object.keys(outputs));
      // -0 is 0 here.
      expect(answers.map((answer) => valueOf(answer) + 0)).toEqual(expectedSums(drawn).map((sum) => sum + 0));
    }),
    { numRuns: 300 },
  );
});

it('a step that fails fails the whole, whoever else runs', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.nat(), async (count, drawn) => {
      const failing = `s${drawn % count}`;
      const steps = Array.from({ length: count }, (_, at) => ({ name: `s${at}`, model: 'm', version: 1, digest: 'd', inputs: { a: { input: 'x' } } }));
      const outputs = Object.fromEntries(steps.map(({ name }) => [name, { step: name, output: 'y' }]));
      const run = runEnsemble({ format: 1, steps, outputs }, [tensor('x', 1)], steps.map(({ name }) => ({ name })), ({ name }) =>
        name === failing ? Promise.reject(new Error(name)) : Promise.resolve([tensor('y', 2)]),
      );
      await expect(run).rejects.toThrow(failing);
    }),
    { numRuns: 50 },
  );
});

it('no step begins after another has failed', async () => {
  const began: string[] = [];
  const step = (name: string, after: string | null) => ({
    name,
    model: 'm',
    version: 1,
    digest: 'd',
    inputs: { a: after === null ? { input: 'x' } : { step: after, output: 'y' } },
  });
  const steps = [step('fails', null), step('slow', null), step('next', 'slow')];
  let finish: () => void = () => undefined;
  const slow = new Promise<void>((resolve) => (finish = resolve));
  const run = runEnsemble({ format: 1, steps, outputs: { o: { step: 'fails', output: 'y' }, n: { step: 'next', output: 'y' } } }, [tensor('x', 1)], [{ name: 'o' }, { name: 'n' }], async ({ name }) => {
    began.push(name);
    if (name === 'fails') throw new Error(name);
    await slow;
    return [tensor('y', 2)];
  });
  await expect(run).rejects.toThrow('fails');
  finish();
  await new Promise((resolve) => setImmediate(resolve));
  expect(began).toEqual(['fails', 'slow']);
});
