import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, MillraceError } from '../src/core/millrace-error.ts';
import { searchAttributes } from '../src/contracts/lifecycle.ts';

/** Temporal's numbers of the types, and their names on the command line. */
const indexedValueTypes = { Keyword: 2, Int: 3 } as const;

type SearchAttributeType = keyof typeof indexedValueTypes;

const { version: _, ...keywordAttributes } = searchAttributes;

/** Every search attribute of Millrace and its type. */
export const searchAttributeTypes: Readonly<Record<string, SearchAttributeType>> = {
  ...Object.fromEntries(Object.values(keywordAttributes).map((name) => [name, 'Keyword' as const])),
  MillraceVersion: 'Keyword',
  MillraceModelVersion: 'Int',
};
