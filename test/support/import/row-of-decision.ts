import type { Decision } from '../../../src/contracts/decision.ts';
import { encodeCategories } from '../../../src/contracts/encode-categories.ts';
import type { ModelSignature } from '../../../src/contracts/model-bundle.ts';

/** The row that a decision's model got. */
export function rowOfDecision({ numbers, categories }: Decision, signature: ModelSignature): Float32Array {
  const values = new Float32Array(Uint8Array.from(Buffer.from(numbers, 'base64')).buffer);
  const row = new Float32Array(values.length + categories.length);
  row.set(values);
  encodeCategories(signature.categories, categories, row, values.length);
  return row;
}
