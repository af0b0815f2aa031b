import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inputProblems } from '../../../serving/inference/check-tensors.ts';
import type { Tensor, TensorSpec } from '../../../src/contracts/tensor.ts';

const ROWS_MAX = 3;
const datatype = fc.constantFrom('FP32', 'INT64');
const specs = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom('a', 'b', 'c'),
    datatype,
    shape: fc.tuple(fc.constant(-1), fc.constantFrom(-1, 2)),
  }),
  { selector: ({ name }) => name, minLength: 1, maxLength: 3 },
);

/** Inputs as the specs want them, a few of them bent. */
const sent = (wanted: readonly TensorSpec[]): fc.Arbitrary<Tensor[]> => {
  const rows = fc.integer({ min: 1, max: ROWS_MAX });
  const bent = (spec: TensorSpec, row: number): fc.Arbitrary<Tensor> =>
    fc.record({
      name: fc.oneof({ weight: 9, arbitrary: fc.constant(spec.name) }, fc.constantFrom('a', 'd')),
      datatype: fc.oneof({ weight: 9, arbitrary: fc.constant(spec.datatype) }, datatype),
      shape: fc.oneof(
        { weight: 9, arbitrary: fc.constant([row, 2]) },
        fc.array(fc.nat({ max: 4 }), { maxLength: 3 }),
      ),
      elements: fc.constant(new Float32Array(0)),
    });
  return rows
    .chain((row) => fc.tuple(...wanted.map((spec) => bent(spec, row))))
    .chain((inputs) => fc.shuffledSubarray(inputs, { minLength: inputs.length - 1 }));
};

function doFitNaively(wanted: readonly TensorSpec[], inputs: readonly Tensor[], isBatched: boolean): boolean {
  const rows = new Set(inputs.map(({ shape }) => shape[0]));
  const rowsFit =
    rows.size === 1 && [...rows].every((count) => count !== undefined && count >= 1 && count <= ROWS_MAX);
  const isOf = (spec: TensorSpec) => (input: Tensor) =>
    input.name === spec.name &&
    input.datatype === spec.datatype &&
    input.shape.length === spec.shape.length &&
    input.shape.every((size, i) => spec.shape[i] === -1 || spec.shape[i] === size);
  return (
    inputs.length === wanted.length &&
    wanted.every((spec) => inputs.filter(isOf(spec)).length === 1) &&
    (!isBatched || rowsFit)
  );
}

describe('inputs of an inference request', () => {
  it('have no problems where they are what the model takes, in any order, and the same ones in any order', () => {
    const drawn = specs.chain((wanted) =>
      fc.tuple(fc.constant(wanted as TensorSpec[]), sent(wanted as TensorSpec[]), fc.boolean()),
    );
    let fitting = 0;
    fc.assert(
      fc.property(drawn, ([wanted, inputs, isBatched]) => {
        const problemsOf = (given: readonly Tensor[]) =>
          inputProblems(wanted, given, isBatched ? ROWS_MAX : null).map((text) =>
            text.replace(/found .*/, ''),
          );
        const problems = problemsOf(inputs);
        expect(problems.length === 0, problems.join()).toBe(doFitNaively(wanted, inputs, isBatched));
        expect(new Set(problemsOf(inputs.toReversed()))).toEqual(new Set(problems));
        if (problems.length === 0) fitting++;
      }),
      { numRuns: 1_000 },
    );
    expect(fitting).toBeGreaterThan(100);
  });
});
