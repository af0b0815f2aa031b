import type { LoadSpec } from '../../measure/load-spec.ts';
import type { ServingBench } from './part.ts';

/** One request of many rows as a binary tensor: little work to read, much to answer. */
export function binaryLoad(rows: ServingBench['rows'], count: number): Pick<LoadSpec, 'bodies' | 'headers'> {
  const all = Array.from({ length: count }, (_, i) => rows[i % rows.length]!);
  const tensor = Buffer.from(Float32Array.from(all.flat()).buffer);
  const shape = [count, rows[0]!.length];
  const json = Buffer.from(JSON.stringify({ inputs: [{ name: 'features', datatype: 'FP32', shape, parameters: { binary_data_size: tensor.length } }] }));
  return {
    bodies: [Buffer.concat([json, tensor])],
    headers: { 'inference-header-content-length': String(json.length), 'content-type': 'application/octet-stream' },
  };
}
