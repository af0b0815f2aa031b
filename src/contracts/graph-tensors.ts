/** Where an ONNX graph has its input of rows and its score, in its own names. */
export interface GraphTensors {
  /** Takes float32 [rows, columns of the signature]. */
  readonly input: string;
  /** Answers floats of shape [rows] or [rows, outputColumns]. */
  readonly output: string;
  readonly outputColumns: number;
  /** The column of the output that is the score. */
  readonly scoreColumn: number;
  /** What the graph gets in place of null; absent: NaN, which it imputes. */
  readonly nullAs?: number;
}

/** What graphs have that Millrace exports. */
export const millraceTensors: GraphTensors = { input: 'features', output: 'score', outputColumns: 1, scoreColumn: 0 };

/** Rows as a graph takes them: its own number in place of NaN, or the rows themselves. */
export const fillNulls = (features: Float32Array, { nullAs }: Pick<GraphTensors, 'nullAs'>): Float32Array =>
  nullAs === undefined ? features : features.map((value) => (Number.isNaN(value) ? nullAs : value));

/** One score a row out of what the graph answered for `rows` rows, or null where it is none of the shape. */
export function scoresOf(data: unknown, rows: number, { outputColumns, scoreColumn }: GraphTensors): Float32Array | null {
  const floats = data instanceof Float32Array || data instanceof Float64Array ? data : null;
  if (floats?.length !== rows * outputColumns) return null;
  if (outputColumns === 1 && floats instanceof Float32Array) return floats;
  return Float32Array.from({ length: rows }, (_, row) => floats[row * outputColumns + scoreColumn] as number);
}
