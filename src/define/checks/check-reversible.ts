import { aggregationsOf, type Aggregation, type AggregationKind, type ViewFeature } from '../aggregation.ts';
import { CHANGE_ID, CHANGE_SIGN } from '../change-fields.ts';
import type { FeatureView } from '../feature-view.ts';
import { enumerate, type ProblemList } from './problem-list.ts';

const FORGETS = 'it keeps one value and not those that it passed over, which would be it again';

/** Why a kind can't take a row back; null for one that can. */
export const irreversibleKinds: Readonly<Record<AggregationKind, string | null>> = {
  count: null,
  sum: null,
  mean: null,
  min: FORGETS,
  max: FORGETS,
  variance: null,
  stddev: null,
  skewness: null,
  first: FORGETS,
  last: FORGETS,
  lastN: 'it keeps the n newest values and not the one that would follow them',
  decayedCount: 'its sum is kept in units of the newest event, and that is a greatest value',
  decayedSum: 'its sum is kept in units of the newest event, and that is a greatest value',
  decayedMean: 'its sums are kept in units of the newest event, and that is a greatest value',
  timeSinceLast: FORGETS,
  approxDistinct: 'its registers keep the greatest rank and not how many values reached it',
  approxQuantile: null,
  topK: 'beyond 256 different values it keeps some and not the others, which would be counted again',
};

/** A view over a changing source has only features that can take a row back. */
export function checkReversible(view: FeatureView, problems: ProblemList): void {
  const able = Object.entries(irreversibleKinds).flatMap(([kind, why]) => (why === null ? [kind] : []));
  for (const [name, feature] of Object.entries<ViewFeature>(view.features)) {
    const about = problems.about(`feature '${name}'`);
    // What is no aggregation is told where features are checked.
    for (const aggregation of aggregationsOf(feature).filter((one: unknown) => typeof one === 'object' && one !== null)) {
      const why = irreversibleKinds[aggregation.kind] as string | null | undefined;
      if (typeof why === 'string') {
        about.add(
          `expected an aggregation that can take a row back, since source '${view.source.name}' has changes, found '${aggregation.kind}': ${why}. Those that can: ${enumerate(able)}.`,
        );
      }
      checkOwnFields(aggregation, about);
    }
  }
}

/** The sign and the id of a change are of the change, not of the row. */
function checkOwnFields(aggregation: Aggregation, problems: ProblemList): void {
  const named = [aggregation.field, ...Object.keys(aggregation.where ?? {})];
  for (const field of [CHANGE_ID, CHANGE_SIGN].filter((own) => named.includes(own))) {
    problems.add(`expected a field of the source's rows, found '${field}', which is the change's. Use another.`);
  }
}
