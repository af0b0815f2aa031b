import type { Decision } from '../../src/contracts/decision.ts';
import type { ModelSignature } from '../../src/contracts/model-bundle.ts';

export interface NamedNumber {
  readonly name: string;
  /** Null is a value: the graph imputes it. */
  readonly value: number | null;
}

export interface NamedCategory {
  readonly name: string;
  readonly value: string | null;
  /** Whether training saw the value: another one is encoded as unknown. */
  readonly known: boolean;
}

/** A decision with its row by feature name. */
export interface DescribedDecision extends Omit<Decision, 'numbers' | 'categories'> {
  readonly numbers: readonly NamedNumber[];
  readonly categories: readonly NamedCategory[];
  readonly threshold: number;
  readonly label: boolean | null;
}

export type RowSignature = Pick<ModelSignature, 'numericNames' | 'categories' | 'threshold'>;

const FLOAT32_BYTES = 4;

/** The row in signature order: float32, little-endian, before the graph imputes. */
export function describeDecision(
  decision: Decision,
  signature: RowSignature,
  label: boolean | null,
): DescribedDecision {
  const bytes = Buffer.from(decision.numbers, 'base64');
  return {
    ...decision,
    numbers: signature.numericNames.map((name, at) => ({ name, value: numberAt(bytes, at) })),
    categories: signature.categories.map(({ name, vocabulary }, at) => {
      const value = decision.categories[at] ?? null;
      return { name, value, known: value === null || vocabulary.includes(value) };
    }),
    threshold: signature.threshold,
    label,
  };
}

/** A float32 in the fewest digits that give the same float32 again. */
function numberAt(bytes: Buffer, at: number): number | null {
  if ((at + 1) * FLOAT32_BYTES > bytes.length) return null;
  const value = bytes.readFloatLE(at * FLOAT32_BYTES);
  if (!Number.isFinite(value)) return null;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
