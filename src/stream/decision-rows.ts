import { isVersion } from '../contracts/check-request.ts';
import type { Decision } from '../contracts/decision.ts';
import { ARM_VARIANT_PATTERN } from '../contracts/experiment.ts';
import { EVENT_ID_LENGTH_MAX } from '../fold/parse-row.ts';
import { TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN } from '../store/copy-binary.ts';
import { readDecisionFrame } from '../store/decision-frame.ts';

/** A decision, and what of it has no column of its own. */
export interface DecisionRow {
  readonly decision: Decision;
  readonly body: string;
}

/** Adds the decisions of a message that can be stored. @returns how many can't; one for a message that can't be read at all */
export function gatherRows(value: Buffer | null, into: DecisionRow[]): number {
  const found = readMessage(value);
  if (found === undefined) return 1;
  let leftOut = 0;
  for (const decision of found) {
    const { digest, unit, instance, categories, reads, latencyMs } = decision;
    if (isStorable(decision)) into.push({ decision, body: JSON.stringify({ digest, unit, instance, categories, reads, latencyMs }) });
    else leftOut++;
  }
  return leftOut;
}

/** Earlier releases sent each decision as JSON. */
function readMessage(value: Buffer | null): Decision[] | undefined {
  try {
    if (value === null || value.length === 0) return undefined;
    return value[0] === JSON_START ? [JSON.parse(value.toString()) as Decision] : readDecisionFrame(value);
  } catch {
    return undefined;
  }
}

const JSON_START = '{'.charCodeAt(0);

/** Whether the columns of millrace.decisions hold it; what else they refuse is seen when it is inserted. */
const isStorable = ({ id, model, exampleId, version, variant, asOf, servedAt, score, shadow, numbers }: Decision): boolean =>
  isIndexed(id) &&
  isIndexed(model) &&
  (isAbsent(exampleId) || isIndexed(exampleId)) &&
  isVersion(version) &&
  isStorableVariant(variant) &&
  isTime(asOf) &&
  isTime(servedAt) &&
  typeof score === 'number' &&
  (isAbsent(shadow) || (isVersion(shadow?.version) && typeof shadow?.score === 'number')) &&
  typeof numbers === 'string';

const isAbsent = (value: unknown): boolean => value === null || value === undefined;

/** A text takes no NUL, and its index none that is long. */
const isIndexed = (text: unknown): boolean =>
  typeof text === 'string' && text.length <= EVENT_ID_LENGTH_MAX && !text.includes('\0');

const isTime = (ms: unknown): boolean => typeof ms === 'number' && ms >= TIMESTAMP_MS_MIN && ms <= TIMESTAMP_MS_MAX;

const isStorableVariant = (variant: unknown): boolean =>
  variant === 'champion' ||
  variant === 'canary' ||
  (typeof variant === 'string' && variant.length <= EVENT_ID_LENGTH_MAX && ARM_VARIANT_PATTERN.test(variant));
