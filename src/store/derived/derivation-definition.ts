import { canonicalJson, type JsonValue } from '../../core/json.ts';
import { derivationOf, type Attachment } from '../../define/derivation.ts';
import type { Source } from '../../define/source.ts';

/** A derivation as `apply` writes it down: what it reads, by name. */
export type DerivationDefinition = Readonly<Record<string, JsonValue>> & {
  readonly from: string;
  readonly attach: Readonly<Record<string, JsonValue>>;
};

export function derivationDefinition(source: Source): DerivationDefinition | undefined {
  const derivation = derivationOf(source);
  if (derivation === undefined) return undefined;
  const { from, carry, attach, waitMax, onBehind } = derivation;
  return {
    from: from.name,
    carry: [...carry],
    attach: Object.fromEntries(
      Object.entries(attach).map(([name, one]) => [name, attachmentDefinition(one)]),
    ),
    waitMax,
    onBehind,
  };
}

const attachmentDefinition = (one: Attachment): JsonValue =>
  one.kind === 'latest'
    ? { kind: one.kind, table: one.table.name, field: one.field, by: { ...one.by } }
    : {
        kind: one.kind,
        view: one.view.name,
        version: one.view.version,
        feature: one.feature,
        keyFields: { ...one.keyFields },
      };

/**
 * What a changed derivation would do to the events that were derived before: each a problem. An attached field may be
 * added, and is null for these.
 */
export function derivationProblems(source: Source, before: DerivationDefinition | undefined): string[] {
  const now = derivationDefinition(source);
  if (before === undefined && now === undefined) return [];
  if (before === undefined || now === undefined) {
    return [`it was ${textOf(before)} and is now ${textOf(now)}. Keep it, or make a new source.`];
  }
  if (before.from !== now.from)
    return [`it was made of '${before.from}' and is now of '${now.from}'. Keep it, or make a new source.`];
  const known = new Set([...Object.keys(before.attach), ...(before['carry'] as string[])]);
  return Object.entries(now.attach).flatMap(([name, attachment]) => {
    if (!known.has(name) || canonicalJson(before.attach[name]) === canonicalJson(attachment)) return [];
    return [
      `the field '${name}' is now attached from elsewhere than in the events of the past. Keep it, or attach it under another name.`,
    ];
  });
}

const textOf = (definition: DerivationDefinition | undefined): string =>
  definition === undefined ? 'one that events are sent to' : 'derived';
