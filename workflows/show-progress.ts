import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { searchAttributes } from '../src/contracts/lifecycle.ts';

export type ShownAttributes = Partial<Record<keyof typeof searchAttributes, string | number>>;

const pairsOf = (shown: ShownAttributes) =>
  Object.entries(shown).map(([name, value]) => ({
    key: defineSearchAttributeKey(searchAttributes[name as keyof typeof searchAttributes], SearchAttributeType.KEYWORD),
    value: String(value),
  }));

/** Search attributes of a child that is about to start. */
export const startAttributes = (shown: ShownAttributes) => ({ typedSearchAttributes: pairsOf(shown) });

/** What the Temporal UI shows of the running workflow: attributes to search by, and a text to read. */
export function showProgress(shown: ShownAttributes, details?: string): void {
  if (Object.keys(shown).length > 0) upsertSearchAttributes(pairsOf(shown));
  if (details !== undefined) setCurrentDetails(details);
}
