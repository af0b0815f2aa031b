import type { Tensor, TensorSpec } from '../../src/contracts/tensor.ts';

/**
 * Compares what was sent with what a model takes.
 * @param rowsMax the first dimension of every input is rows, the same in all; null: each input is a thing of its own
 * @returns all problems, none where it fits
 */
export function inputProblems(specs: readonly TensorSpec[], inputs: readonly Tensor[], rowsMax: number | null): string[] {
  const problems: string[] = [];
  const known = (): string => specs.map(({ name }) => `'${name}'`).join(', ');
  const given = new Map<string, Tensor>();
  for (const tensor of inputs) {
    if (given.has(tensor.name)) problems.push(`input '${tensor.name}': it is there twice`);
    given.set(tensor.name, tensor);
    const spec = specs.find(({ name }) => name === tensor.name);
    if (spec === undefined) problems.push(`input '${tensor.name}': the model takes ${known()}`);
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

/** The outputs that were asked for by name; all, where none was. */
export function wantedOutputs(specs: readonly TensorSpec[], names: readonly string[] | undefined, problems: string[]): TensorSpec[] {
  if (names === undefined) return [...specs];
  const wanted: TensorSpec[] = [];
  for (const name of new Set(names)) {
    const spec = specs.find((one) => one.name === name);
    if (spec !== undefined) wanted.push(spec);
    else problems.push(`output '${name}': the model answers ${specs.map((one) => `'${one.name}'`).join(', ')}`);
  }
  if (names.length > new Set(names).size) problems.push('outputs: one is named twice');
  return wanted;
}

function tensorProblems(spec: TensorSpec, { name, datatype, shape }: Tensor): string[] {
  const problems: string[] = [];
  if (datatype !== spec.datatype) problems.push(`input '${name}': expected datatype ${spec.datatype}, found ${datatype}`);
  const fits = shape.length === spec.shape.length && spec.shape.every((size, i) => size < 0 || size === shape[i]);
  if (!fits) problems.push(`input '${name}': expected shape [${spec.shape.join(', ')}], found [${shape.join(', ')}]`);
  return problems;
}
