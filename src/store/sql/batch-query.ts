import type { FeatureView } from '../../define/feature-view.ts';
import { quoteIdentifier as quote } from '../../infra/postgres.ts';
import { planBatch, type HopPlan } from './batch-plan.ts';
import { isVisible, viewEventsSql, type Visibility } from './visible-events.ts';
import { indent, windowsSql } from './view-query.ts';
import { windowEnd, windowStart } from './view-windows.ts';

/**
 * What `viewQuery` answers, for thousands of rows that read the same events over and over, and in several ways at once.
 * Selects "spine row" and then, for each visibility, the features in the view's order.
 *
 * Per hop of the view, the events of each key, tile and source partition are summed up once: every sum is exact, so
 * sums of sums are those of the events. A row whose reads see all of a tile's events takes the sums; where one of them
 * does not, the tile's events are looked at one by one:
 *
 *     spine row ----- window ------ tiles all of whose events are seen -----------+-- merged -- features
 *                            \----- other tiles -- their events that are seen ----+
 * @param spine as `ViewQuery.spine` says
 * @param relation what the source's raw rows are read from
 * @throws MillraceError FEATURE_SQL_UNSUPPORTED
 */
export function batchQuery(
  view: FeatureView,
  spine: string,
  visibilities: readonly Visibility[],
  relation: string,
): string {
  const { hops, features } = planBatch(view);
  const queries: [name: string, sql: string][] = [
    ['spine', spine],
    ['windows', windowsSql(view)],
    ['events', viewEventsSql(view, visibilities, relation)],
    ...hops.flatMap((hop): [string, string][] => [
      [`rows_${hop.index}`, rowsSql(hop)],
      [`tiles_${hop.index}`, tilesSql(view, hop)],
      [`open_${hop.index}`, openSql(view, hop, visibilities)],
      [`seen_${hop.index}`, seenSql(view, hop, visibilities)],
      [`merged_${hop.index}`, mergedSql(hop, visibilities)],
      [`read_${hop.index}`, readSql(hop, visibilities)],
    ]),
  ];
  const values = visibilities.flatMap((visibility) => features.map((feature) => `  ${feature(visibility)}`));
  // Joins in this order only: PostgreSQL, which can't tell how few tiles are open, would join rows and events first.
  const ctes = queries.map(
    ([name, sql]) => `${name} AS ${/^(events|open)/.test(name) ? 'MATERIALIZED ' : ''}(\n${indent(sql)}\n)`,
  );
  return [
    `WITH ${ctes.join(',\n')}`,
    `SELECT\n${['  w."spine row"', ...values].join(',\n')}`,
    'FROM spine w',
    ...hops.map(({ index }) => `LEFT JOIN read_${index} USING ("spine row")`),
  ].join('\n');
}

/** The spine with the bounds of the hop's windows, one row for each stretch of time that these touch. */
function rowsSql({ windows, stretchMs }: HopPlan): string {
  const [longest] = windows;
  const bounds = [
    ...windows.map((window) => `${windowStart('spine."as of ms"', window)} AS ${quote(window.from)}`),
    `${windowEnd('spine."as of ms"', longest)} AS "to"`,
  ];
  const rows = `SELECT spine.*,\n  ${bounds.join(',\n  ')}\nFROM spine`;
  if (stretchMs === null) return `SELECT reached.*, 0::bigint AS "stretch" FROM (${rows}) AS reached`;
  return [
    'SELECT reached.*, stretches."stretch"',
    `FROM (${rows}) AS reached`,
    `CROSS JOIN generate_series(${quote(longest.from)} / ${stretchMs}, ("to" - 1) / ${stretchMs}) AS stretches("stretch")`,
  ].join('\n');
}

const tileOf = (effectiveMs: string, { hopMs }: HopPlan): string =>
  hopMs === Infinity ? '0::bigint' : `millrace.tile_start(${effectiveMs}, ${hopMs})`;

/** The stretch of time that a tile begins in. */
const stretchOf = (tile: string, { stretchMs }: HopPlan): string =>
  stretchMs === null ? tile : `${tile} / ${stretchMs}`;

const sourceKeysOf = (view: FeatureView): string[] =>
  view.entity.keys.map((key) => quote(view.keyFields[key] ?? key));

/** The partial results of the events of each key, tile and source partition. */
function tilesSql(view: FeatureView, hop: HopPlan): string {
  const keys = sourceKeysOf(view).map((key) => `e.${key}`);
  return [
    `SELECT ${[
      ...keys,
      'e.source_partition',
      `${tileOf('e."effective ms"', hop)} AS "tile"`,
      'max(e.source_offset) AS "last offset"',
      'max(e."known ms") AS "last known"',
      ...hop.parts.map(({ aggregate, name }) => `${aggregate} AS ${name}`),
    ].join(',\n  ')}`,
    'FROM events e',
    // Of rows that lie far apart most of the events between them are in no window.
    `WHERE (${[...keys, stretchOf(tileOf('e."effective ms"', hop), hop)].join(', ')})`,
    `  IN (SELECT ${[...view.entity.keys.map(quote), '"stretch"'].join(', ')} FROM rows_${hop.index})`,
    `GROUP BY ${[...keys, 'e.source_partition', '"tile"'].join(', ')}`,
  ].join('\n');
}

/** Whether a row sees all of a tile's events of one partition. */
const isSettled: Readonly<Record<Visibility, string>> = {
  known: 't."last known" <= w."as of ms"',
  fence: 'coalesce(t."last offset" <= w."fence"[t.source_partition + 1], false)',
};

/** The tiles that may lie in a row's windows. */
function nearSql(view: FeatureView, hop: HopPlan): string {
  const { index, windows } = hop;
  const near = [
    ...view.entity.keys.map((key) => `t.${quote(view.keyFields[key] ?? key)} = w.${quote(key)}`),
    `${stretchOf('t."tile"', hop)} = w."stretch"`,
    `t."tile" >= w.${quote(windows[0].from)}`,
    't."tile" < w."to"',
  ];
  return `FROM rows_${index} w JOIN tiles_${index} t ON ${near.join('\n  AND ')}`;
}

const settledFor = (visibilities: readonly Visibility[]): string =>
  visibilities.map((visibility) => isSettled[visibility]).join(' AND ');

/** The tiles of each row whose events must be looked at one by one. */
function openSql(view: FeatureView, hop: HopPlan, visibilities: readonly Visibility[]): string {
  const columns = [
    'w."spine row"',
    'w."as of ms"',
    ...(visibilities.includes('fence') ? ['w."fence"'] : []),
    ...hop.windows.map(({ from }) => `w.${quote(from)}`),
    ...sourceKeysOf(view).map((key) => `t.${key}`),
    't.source_partition',
    't."tile"',
  ];
  return `SELECT ${columns.join(', ')}\n${nearSql(view, hop)}\n  AND NOT (${settledFor(visibilities)})`;
}

/** What each row sees of each tile: its partial results, or those of the events that are visible in the same ways. */
function seenSql(view: FeatureView, hop: HopPlan, visibilities: readonly Visibility[]): string {
  const bounds = hop.windows.map(({ from }) => `w.${quote(from)}`);
  const ways = visibilities.map((visibility) => `coalesce(${isVisible[visibility]}, false)`);
  const seen = visibilities.map((visibility) => `true AS "by ${visibility}"`);
  return [
    `SELECT ${['w."spine row"', 't."tile"', ...bounds, ...seen, ...hop.parts.map(({ name }) => `t.${name}`)].join(', ')}`,
    `${nearSql(view, hop)}\n  AND ${settledFor(visibilities)}`,
    'UNION ALL',
    `SELECT ${['w."spine row"', 'w."tile"', ...bounds, ...ways, ...hop.parts.map(({ aggregate }) => aggregate)].join(',\n  ')}`,
    `FROM open_${hop.index} w JOIN events e ON ${[
      ...sourceKeysOf(view).map((key) => `e.${key} = w.${key}`),
      'e.source_partition = w.source_partition',
      `${tileOf('e."effective ms"', hop)} = w."tile"`,
    ].join(' AND ')}`,
    `WHERE ${ways.join(' OR ')}`,
    `GROUP BY ${['w."spine row"', 'w."tile"', ...bounds, ...ways].join(', ')}`,
  ].join('\n');
}

/** Per row and ways of seeing, the partial results of each window. */
function mergedSql({ index, windows, windowParts }: HopPlan, visibilities: readonly Visibility[]): string {
  const ways = visibilities.map((visibility) => `"by ${visibility}"`);
  const merged = windowParts.map(({ name, part, window }) => {
    // Every tile that was seen lies in the longest window.
    const filter = window === windows[0] ? '' : ` FILTER (WHERE "tile" >= ${quote(window.from)})`;
    return `${part.merge}(${part.name})${filter} AS ${name}`;
  });
  return `SELECT ${['"spine row"', ...ways, ...merged].join(',\n  ')}\nFROM seen_${index}\nGROUP BY ${['"spine row"', ...ways].join(', ')}`;
}

/** Per row, for each visibility what was seen by it, whether by another too or not. */
function readSql({ index, windowParts }: HopPlan, visibilities: readonly Visibility[]): string {
  const merged = visibilities.flatMap((visibility) =>
    windowParts.map(
      ({ name, part }) => `${part.merge}(${name}) FILTER (WHERE "by ${visibility}") AS ${name}_${visibility}`,
    ),
  );
  return `SELECT ${['"spine row"', ...merged].join(',\n  ')}\nFROM merged_${index}\nGROUP BY "spine row"`;
}
