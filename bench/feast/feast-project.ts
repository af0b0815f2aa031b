import {
  entity,
  featureView,
  number,
  project,
  source,
  string,
  timestamp,
  type Aggregation,
  type Field,
} from '../../src/index.ts';

/** The three views of the comparison and how many features each has: 20 in all, the newest values of 20 columns. */
export const VIEW_WIDTHS = [
  ['profile', 8],
  ['activity', 6],
  ['balance', 6],
] as const;
export type ViewName = (typeof VIEW_WIDTHS)[number][0];

const customer = entity({ name: 'customer', keys: ['customer'] });

/** Columns of a view are numbered on from the view before it, since Feast wants names that differ across views. */
export function columnsOf(view: ViewName): string[] {
  const at = VIEW_WIDTHS.findIndex(([name]) => name === view);
  const first = VIEW_WIDTHS.slice(0, at).reduce((sum, [, width]) => sum + width, 0);
  return Array.from({ length: VIEW_WIDTHS[at]![1] }, (_, i) => `f${first + i}`);
}

export const sources = VIEW_WIDTHS.map(([name]) =>
  source({
    name: `${name}_rows`,
    schema: {
      id: string(),
      customer: string(),
      event_timestamp: timestamp(),
      ...(Object.fromEntries(columnsOf(name).map((column) => [column, number()])) as Record<string, Field<'number', false>>),
    },
    id: 'id',
    eventTime: 'event_timestamp',
    knownTime: 'carried',
  }),
);

export const views = VIEW_WIDTHS.map(([name], i) =>
  featureView({
    name,
    entity: customer,
    source: sources[i]!,
    features: (aggregate) =>
      Object.fromEntries(
        // The types know the columns by their pattern only.
        columnsOf(name).map((column): [string, Aggregation] => [column, aggregate.last(column as 'event_timestamp', { window: 'lifetime' })]),
      ),
  }),
);

export default project({ name: 'feast_comparison', views });
