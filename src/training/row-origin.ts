import type { ModelSignature } from '../contracts/model-bundle.ts';
import { canonicalJson } from '../core/json.ts';

/** What rows are made by; two columns of one name may have different values. */
export type RowOrigin = Pick<ModelSignature, 'serviceDigest' | 'viewVersions' | 'onDemand'>;

/**
 * What the columns of a version are made by that some rows are not, or null. A service that only gained features makes
 * the old columns as before: views and on-demand features are looked at one by one where the digests differ. Versions that were signed before
 * their on-demand features were written down are taken to have others.
 */
export function originDifference(version: RowOrigin & Pick<ModelSignature, 'numericNames'>, rows: RowOrigin): string | null {
  if (version.serviceDigest === rows.serviceDigest) return null;
  for (const [view, read] of Object.entries(version.viewVersions)) {
    const found = rows.viewVersions[view];
    if (found !== read) return `version ${read} of feature view '${view}', and the rows are made by ${found === undefined ? 'none' : `version ${found}`}`;
  }
  const definitionOf = ({ onDemand }: RowOrigin, name: string): string => canonicalJson(onDemand?.[name] ?? null);
  const other = version.numericNames.find((name) => definitionOf(version, name) !== definitionOf(rows, name));
  return other === undefined ? null : `another definition of '${other}' than the rows are made by`;
}
