import type { ViewRead } from '../../../src/contracts/decision.ts';
import type { FeatureService } from '../../../src/define/feature-service.ts';
import type { FeatureView } from '../../../src/define/feature-view.ts';
import type { Postgres } from '../../../src/infra/postgres.ts';
import { naiveEntityKey, naiveFeatures, naiveRow, type NaiveFeatures } from '../naive-features.ts';
import { naiveFreshFeatures } from './naive-freshness.ts';
import { readLoggedEvents, type LoggedEvent } from './logged-events.ts';
import { hopMsOf, windowMsOf } from './naive-window.ts';
import type { StoredDecision } from './stored-decision.ts';

export interface Mismatch {
  readonly decision: string;
  readonly feature: string;
  /** What the feature's view was read for; null for a feature that is no view's. */
  readonly entityKey: string | null;
  readonly asOf: number;
  readonly served: number | string | null;
  readonly expected: number | string | null;
}

export interface Comparison {
  readonly decisions: number;
  /** Float32 numbers and categories that were compared. */
  readonly values: number;
  /** Numbers among them that are not null: proof that the comparison is not one of nothing with nothing. */
  readonly numbersPresent: number;
  readonly mismatches: readonly Mismatch[];
}

/**
 * Recomputes the rows of decisions from the raw rows of the offline logs, up to exactly the fences that were read,
 * and compares every number bit for bit and every category.
 */
export async function compareDecisions(
  postgres: Postgres,
  service: FeatureService,
  decisions: readonly StoredDecision[],
): Promise<Comparison> {
  const featuresOf = decisions.map(() => new Map<string, NaiveFeatures>());
  const views = [
    ...new Set([...service.views, ...service.onDemand.flatMap((feature) => Object.values(feature.views))]),
  ];
  // One source at a time: only its rows are in memory.
  for (const source of new Set(views.map((view) => view.source))) {
    const own = views.filter((view) => view.source === source);
    const times = decisions.map((decision) => decision.asOf);
    const reach = Math.max(...own.map(reachMs));
    const events = await readLoggedEvents(postgres, source, own, {
      from: times.reduce((a, b) => Math.min(a, b), Infinity) - reach,
      to: times.reduce((a, b) => Math.max(a, b), -Infinity) + reach,
    });
    events.sort((a, b) => a.effectiveTime - b.effectiveTime);
    for (const view of own) {
      const eventsOf = groupByKey(view, events);
      decisions.forEach((decision, i) => featuresOf[i]?.set(view.name, recompute(view, eventsOf, decision)));
    }
  }
  const compared = decisions.map((decision, i) =>
    compareRow(service, decision, featuresOf[i] as Map<string, NaiveFeatures>),
  );
  return {
    decisions: decisions.length,
    values: compared.reduce((sum, row) => sum + row.values, 0),
    numbersPresent: decisions.reduce(
      (sum, { numbers }) => sum + numbers.filter((x) => !Number.isNaN(x)).length,
      0,
    ),
    mismatches: compared.flatMap((row) => row.mismatches),
  };
}

/** No window reaches further from T, to either side; an age does: it counts from the newest event of all. */
const reachMs = (view: FeatureView): number =>
  view.maxAge !== undefined || view.ttl !== undefined
    ? Infinity
    : Math.max(
        ...Object.values(view.features)
          .flatMap((feature) => ('parts' in feature ? feature.parts : [feature]))
          .map((aggregation) => windowMsOf(aggregation) + hopMsOf(aggregation)),
      );

function groupByKey(view: FeatureView, events: readonly LoggedEvent[]): Map<string, LoggedEvent[]> {
  const fields = view.entity.keys.map((key) => view.keyFields[key] ?? key);
  const groups = new Map<string, LoggedEvent[]>();
  for (const event of events) {
    const key = naiveEntityKey(fields, event.row);
    if (key === null) continue;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [event]);
    else group.push(event);
  }
  return groups;
}

/** @param eventsOf by entity key, in order of effective event time */
function recompute(
  view: FeatureView,
  eventsOf: ReadonlyMap<string, readonly LoggedEvent[]>,
  decision: StoredDecision,
): NaiveFeatures {
  const { asOf } = decision;
  const key = naiveEntityKey(view.entity.keys, decision.instance);
  const read = decision.reads.find((candidate) => candidate.view === view.name);
  checkRead(view, key, read, decision);
  if (key === null || read === undefined) return naiveFeatures(view, [], asOf);
  const events = eventsOf.get(key) ?? [];
  const reach = reachMs(view);
  const near = events.slice(firstAt(events, asOf - reach), firstAt(events, asOf + reach));
  // A source partition that the fence does not name has shown nothing.
  const seen = near.filter((event) => event.sourceOffset <= (read.fence[event.sourcePartition] ?? -1));
  return naiveFreshFeatures(view, seen, asOf).features;
}

function checkRead(
  view: FeatureView,
  key: string | null,
  read: ViewRead | undefined,
  decision: StoredDecision,
): void {
  const found = read === undefined ? 'no read' : `a read of version ${read.version} for '${read.entityKey}'`;
  const expected = key === null ? 'no read' : `a read of version ${view.version} for '${key}'`;
  if (found !== expected) {
    throw new Error(
      `Decision '${decision.id}' names ${found} of view '${view.name}', expected ${expected}. Verify with the project file that it was made with.`,
    );
  }
}

/** Index of the first event at or after a time. */
function firstAt(events: readonly LoggedEvent[], time: number): number {
  let [low, high] = [0, events.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((events[middle] as LoggedEvent).effectiveTime < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

function compareRow(
  service: FeatureService,
  decision: StoredDecision,
  featuresOf: ReadonlyMap<string, NaiveFeatures>,
): { values: number; mismatches: Mismatch[] } {
  const expected = naiveRow(service, featuresOf, decision.instance, decision.asOf);
  const categoryNames = Object.keys(service.request).filter(
    (name) => service.request[name]?.type === 'string',
  );
  const names = [...expected.numericNames, ...categoryNames];
  const servedValues = [...decision.numbers, ...decision.categories];
  const expectedValues = [...expected.numbers, ...expected.categories];
  if (servedValues.length !== names.length) {
    throw new Error(
      `Decision '${decision.id}' has a row of ${servedValues.length} values, expected ${names.length}.`,
    );
  }
  const mismatches = names.flatMap((feature, i): Mismatch[] => {
    const served = servedValues[i] ?? null;
    const wanted = expectedValues[i] ?? null;
    if (Object.is(served, wanted)) return [];
    const entityKey = decision.reads.find((read) => feature.startsWith(`${read.view}.`))?.entityKey ?? null;
    return [{ decision: decision.id, feature, entityKey, asOf: decision.asOf, served, expected: wanted }];
  });
  return { values: names.length, mismatches };
}
