import { FIRST_CODE } from '../../contracts/encode-categories.ts';
import type { CategoryEncoder } from '../../contracts/model-bundle.ts';
import { goldenFeatures } from '../golden-batch.ts';
import { createRandom } from '../seeded-random.ts';
import type { ProbeRows } from './examine-graph.ts';

/** Made rows where there are no real ones. */
const SYNTHETIC_ROWS = 62;
/** Of made numbers: their logarithms spread this far, so that small and large ones come. */
const SYNTHETIC_SPREAD = 3;

interface Columns {
  readonly numericNames: readonly string[];
  readonly categories: readonly CategoryEncoder[];
}

/**
 * Rows to try and to remember a graph by: spread over the given ones, else made from the signature; then one in which
 * everything is null and one in which every category is unknown.
 * @param real row-major; null where there are no examples
 */
export function probeRows(real: Float32Array | null, columns: Columns, seed: number): ProbeRows {
  const features = goldenFeatures(real ?? syntheticRows(columns, seed), columns);
  const rows = features.length / (columns.numericNames.length + columns.categories.length);
  const what = real === null ? 'made row' : 'row';
  return {
    features,
    nameOf: (row) =>
      row === rows - 2 ? 'a row of nulls' : row === rows - 1 ? 'a row of unknown categories' : `${what} ${row}`,
  };
}

function syntheticRows({ numericNames, categories }: Columns, seed: number): Float32Array {
  const random = createRandom(seed);
  const width = numericNames.length + categories.length;
  const rows = new Float32Array(SYNTHETIC_ROWS * width);
  for (let at = 0; at < rows.length; at += width) {
    numericNames.forEach((_, i) => {
      rows[at + i] = random.normal() * Math.exp(random.normal() * SYNTHETIC_SPREAD);
    });
    categories.forEach(({ vocabulary }, i) => {
      rows[at + numericNames.length + i] = Math.floor(random.uniform() * (vocabulary.length + FIRST_CODE));
    });
  }
  return rows;
}
