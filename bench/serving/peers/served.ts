export type ServedModel = 'mlp' | 'trees';

/** A server that is measured: where it takes a row, how, and what it answers. */
export interface Served {
  readonly name: string;
  readonly kind: 'Millrace' | 'floor' | 'Triton' | 'MLServer' | 'BentoML';
  /** Of the process that started all others of it. */
  readonly pid: number;
  url(model: ServedModel): string;
  body(row: readonly number[]): string;
  readonly headers: Readonly<Record<string, string>>;
  /** The score in an answer to one row; undefined where it answers none. */
  scoreOf(answer: unknown): number | undefined;
  stop(): Promise<void>;
}

/** The reference models' files, by name. */
export type ModelFiles = Readonly<Record<ServedModel, string>>;

/** The body of the Open Inference Protocol for one row. */
export const inferBody = (row: readonly number[]): string =>
  JSON.stringify({ inputs: [{ name: 'features', datatype: 'FP32', shape: [1, row.length], data: row }] });

/** The first value of the output `score`. */
export function inferScore(answer: unknown): number | undefined {
  const { outputs } = answer as { outputs: { name: string; data: number[] }[] };
  return outputs.find(({ name }) => name === 'score')?.data[0];
}
