import { shorten } from '../../src/core/shorten.ts';
import type { Tensor, TensorSpec } from '../../src/contracts/tensor.ts';

/**
 * Compares what was sent with what a model takes.
 * @param rowsMax the first dimension of every input is rows, the same in all; null: each input is a thing of its own
 * @returns all problems, none where it fits
 */
export function inputProblems(specs: readonly TensorSpec[], inputs: readonly Tensor[], rowsMax: number | null): string[] {
  if (doFit(specs, inputs, rowsMax)) return [];
  const problems: string[] = [];
  const given = new Map<string, Tensor>();
  for (const tensor of inputs) {
    if (given.has(tensor.name)) problems.push(inputProblem(tensor.name, 'it is there twice'));
    given.set(tensor.name, tensor);
    const spec = specs.find(({ name }) => name === tensor.name);
    if (spec === undefined) problems.push(inputProblem(tensor.name, `the model takes ${specs.map(({ name }) => `'${name}'`).join(', ')}`));
    else problems.push(...tensorProblems(spec, tensor));
  }
  for (const { name } of specs) if (!given.has(name)) problems.push(`input '${name}': it is missing`);
  if (rowsMax === null) return problems;
  const rows = new Set(inputs.map(({ shape }) => shape[0] ?? 0));
  if (rows.size > 1) problems.push(`inputs: expected the same number of rows in all, found ${[...rows].join(', ')}`);
  for (const count of rows) {
    if (count < 1 || count > rowsMax) problems.push(`inputs: expected 1 to ${rowsMax} rows, found ${count}`);
  }
  return problems;
}

/** What is wrong with an input, as all transports say it. */
export const inputProblem = (name: string, why: string): string => `input '${shorten(name)}': ${why}`;

/** Whether they are the model's inputs in its order, as those of almost all requests are: nothing is made to find that out. */
function doFit(specs: readonly TensorSpec[], inputs: readonly Tensor[], rowsMax: number | null): boolean {
  if (inputs.length !== specs.length) return false;
  const rows = inputs[0]?.shape[0] ?? 0;
  for (let i = 0; i < specs.length; i++) {
    const { name, datatype, shape } = inputs[i]!;
    const spec = specs[i]!;
    if (name !== spec.name || datatype !== spec.datatype || !hasShape(shape, spec.shape)) return false;
    if (rowsMax !== null && (shape[0] ?? 0) !== rows) return false;
  }
  return rowsMax === null || (rows >= 1 && rows <= rowsMax);
}

function hasShape(shape: readonly number[], wanted: readonly number[]): boolean {
  if (shape.length !== wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) if (wanted[i]! >= 0 && wanted[i] !== shape[i]) return false;
  return true;
}

/** The outputs that were asked for by name; all, where none was. */
export function wantedOutputs(specs: readonly TensorSpec[], names: readonly string[] | undefined, problems: string[]): TensorSpec[] {
  if (names === undefined) return [...specs];
  const wanted: TensorSpec[] = [];
  for (const name of new Set(names)) {
    const spec = specs.find((one) => one.name === name);
    if (spec !== undefined) wanted.push(spec);
    else problems.push(`output '${shorten(name)}': the model answers ${specs.map((one) => `'${one.name}'`).join(', ')}`);
  }
  if (names.length > new Set(names).size) problems.push('outputs: one is named twice');
  return wanted;
}

function tensorProblems(spec: TensorSpec, { name, datatype, shape }: Tensor): string[] {
  const problems: string[] = [];
  if (datatype !== spec.datatype) problems.push(`input '${name}': expected datatype ${spec.datatype}, found ${datatype}`);
  if (!hasShape(shape, spec.shape)) problems.push(`input '${name}': expected shape [${spec.shape.join(', ')}], found [${shape.join(', ')}]`);
  return problems;
}
