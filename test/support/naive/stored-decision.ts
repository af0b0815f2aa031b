import type { ViewRead } from '../../../src/contracts/decision.ts';
import type { Postgres } from '../../../src/infra/postgres.ts';
import type { Values } from '../naive-features.ts';

/** A decision as its table holds it. */
export interface StoredDecision {
  readonly id: string;
  readonly version: number;
  readonly asOf: number;
  readonly numbers: Float32Array;
  readonly instance: Values;
  readonly categories: readonly (string | null)[];
  readonly reads: readonly ViewRead[];
}

/** Decisions of a model drawn at random: the same seed draws the same ones of the same table. */
export async function drawDecisions(
  postgres: Postgres,
  model: string,
  { sample, seed }: { sample: number; seed: string },
): Promise<StoredDecision[]> {
  const rows = await postgres.query<{
    id: string;
    version: number;
    as_of: number;
    numbers: Uint8Array;
    body: { instance: Values; categories: (string | null)[]; reads: ViewRead[] };
  }>(
    `SELECT id, version, (extract(epoch from as_of) * 1000)::float8 AS as_of, numbers, body
       FROM millrace.decisions WHERE model = $1 ORDER BY md5(id || $2), id LIMIT $3`,
    [model, seed, sample],
  );
  return rows.map(({ id, version, as_of: asOf, numbers, body }) => ({
    id,
    version,
    asOf,
    numbers: float32sOf(numbers),
    instance: body.instance,
    categories: body.categories,
    reads: body.reads,
  }));
}

/** Little-endian float32, wherever the bytes lie. */
function float32sOf(bytes: Uint8Array): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float32Array.from({ length: bytes.byteLength / 4 }, (_, i) => view.getFloat32(i * 4, true));
}
