import type { GraphValue, OpenGraph } from './opened-graph.ts';

/** What a graph must take, and what its caller calls it. */
export interface WantedTensors {
  /** Values of a row of the feature service. */
  readonly columns: number;
  /** Names that were given; null: the only one that can be meant. */
  readonly input: string | null;
  readonly output: string | null;
  /** What it gets in place of null; null: NaN. */
  readonly nullAs: number | null;
}

const scoreTypes = ['float32', 'float64'];

/**
 * The input of rows and the output that can be the score. Of outputs only the type is looked at: what they have in
 * their shapes is often not what they answer.
 */
export function findTensors(
  { inputs, outputs }: Pick<OpenGraph, 'inputs' | 'outputs'>,
  wanted: WantedTensors,
  problems: string[],
): { input: string; output: string } {
  return {
    input: findInput(inputs, wanted, problems),
    output: findOutput(outputs, wanted, problems),
  };
}

function findInput(inputs: readonly GraphValue[], { columns, input: named }: WantedTensors, problems: string[]): string {
  const names = listOf(inputs);
  if (named !== null && !inputs.some(({ name }) => name === named)) {
    problems.push(`it has no input '${named}', its inputs are ${names}`);
    return '';
  }
  const [input] = inputs;
  if (input === undefined || inputs.length > 1) {
    problems.push(`expected one input, found ${names}: export it with one float tensor [rows, ${columns}] for all columns`);
    return '';
  }
  if (!input.isTensor || input.type !== 'float32') {
    problems.push(`input ${describe(input)}: expected a float32 tensor [rows, ${columns}]`);
    return input.name;
  }
  const [rows, width] = input.shape;
  if (input.shape.length !== 2) problems.push(`input ${describe(input)}: expected two dimensions, [rows, ${columns}]`);
  else {
    if (isFixed(rows)) problems.push(`input ${describe(input)}: its number of rows is fixed; export it with a dynamic first dimension`);
    if (isFixed(width) && width !== columns) {
      problems.push(`input ${describe(input)}: expected ${columns} columns, those of the feature service`);
    }
  }
  return input.name;
}

function findOutput(outputs: readonly GraphValue[], { output: named }: WantedTensors, problems: string[]): string {
  const output = named === null ? onlyScore(outputs, problems) : outputs.find(({ name }) => name === named);
  if (output === undefined) {
    if (named !== null) problems.push(`it has no output '${named}', its outputs are ${listOf(outputs)}`);
    return '';
  }
  if (!output.isTensor) problems.push(`output '${output.name}' is a list or a map: ${zipMapAdvice}`);
  else if (!scoreTypes.includes(output.type)) {
    problems.push(`output ${describe(output)}: expected float32 or float64; name the one with the probability by --output`);
  }
  return output.name;
}

function onlyScore(outputs: readonly GraphValue[], problems: string[]): GraphValue | undefined {
  const scores = outputs.filter((output) => output.isTensor && scoreTypes.includes(output.type));
  if (scores.length === 1) return scores[0];
  const why = outputs.some(({ isTensor }) => !isTensor) ? zipMapAdvice : 'name it by --output';
  problems.push(`expected one output of floats as the score, found ${listOf(outputs)}: ${why}`);
  return undefined;
}

/** Converters of scikit-learn, LightGBM and XGBoost wrap class probabilities into maps unless they are told not to. */
const zipMapAdvice = 'export it with zipmap=False, so that class probabilities are a tensor';

const isFixed = (size: number | string | undefined): boolean => typeof size === 'number' && size >= 0;

const listOf = (values: readonly GraphValue[]): string => values.map(describe).join(', ') || 'none';

/** A symbolic or unknown dimension is shown as `?`. */
function describe(value: GraphValue): string {
  if (!value.isTensor) return `'${value.name}' (a list or a map)`;
  return `'${value.name}' (${value.type}[${value.shape.map((size) => (isFixed(size) ? size : '?')).join(', ')}])`;
}
