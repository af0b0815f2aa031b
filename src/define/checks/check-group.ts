import type { AggregationGroup } from '../aggregation.ts';
import { LAST_N_MAX } from '../aggregations.ts';
import { checkWholeNumber } from './check-names.ts';
import type { ProblemList } from './problem-list.ts';

/** What tells the parts of a group apart; the parts themselves are checked as the features that they are. */
export function checkGroup({ by }: AggregationGroup, problems: ProblemList): void {
  checkWholeNumber('n', by.n, { from: 1, to: LAST_N_MAX }, problems);
}
