/*
 * The slow oracle of derived sources: what was known of other sources at the known time of an event, from lists.
 * Of Millrace it knows the types of definitions only.
 */
import type { Attachment } from '../../../src/define/derivation.ts';
import { naiveFeatures, naiveEntityKey, type Values } from '../naive-features.ts';
import { naiveFreshFeatures } from './naive-freshness.ts';

/** An event in the log of a source. Times are ms since the epoch. */
export interface NaiveLogged {
  readonly source: string;
  readonly partition: number;
  readonly offset: number;
  readonly effectiveTime: number;
  readonly knownTime: number;
  readonly row: Values;
}

/** The value that an attachment has for an event with these fields that is known at `knownTime`. */
export function naiveAttached(
  attachment: Attachment,
  event: Values,
  knownTime: number,
  log: readonly NaiveLogged[],
): unknown {
  const known = log.filter((one) => one.knownTime <= knownTime);
  if (attachment.kind === 'latest') {
    const rows = known.filter(
      ({ source, row }) =>
        source === attachment.table.name &&
        Object.entries(attachment.by).every(
          ([field, own]) => row[field] !== null && row[field] === event[own],
        ),
    );
    const [latest] = rows.toSorted(
      (a, b) =>
        b.effectiveTime - a.effectiveTime ||
        b.knownTime - a.knownTime ||
        b.offset - a.offset ||
        b.partition - a.partition,
    );
    return latest?.row[attachment.field] ?? null;
  }
  const { view, feature } = attachment;
  const key = naiveEntityKey(
    view.entity.keys.map((name) => attachment.keyFields[name] ?? name),
    event,
  );
  if (key === null) return naiveFeatures(view, [], knownTime)[feature];
  const fields = view.entity.keys.map((name) => view.keyFields[name] ?? name);
  const own = known.filter(
    ({ source, row }) => source === view.source.name && naiveEntityKey(fields, row) === key,
  );
  const { features, stale } = naiveFreshFeatures(view, own, knownTime);
  return stale && view.onStale === 'refuse' ? null : features[feature];
}
