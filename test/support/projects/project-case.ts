import fc from 'fast-check';
import type { ViewFeature } from '../../../src/define/aggregation.ts';
import { compileView, type ViewProgram } from '../../../src/fold/compile-view.ts';
import type { LoggedEvent } from '../../../src/store/offline-log.ts';
import type { Delivery, Payload } from './delivery.ts';
import { deliveriesArbitrary, PARTITIONS_A_HISTORY, type NumberSort } from './delivery-arbitrary.ts';
import { ingestDeliveries, logNaively } from './ingest-deliveries.ts';
import { projectArbitrary, type RandomProject } from './project-arbitrary.ts';
import { foldAlong, type FoldedRead } from './fold-along.ts';
import { HOUR_MS, START_MS } from '../../property/fold/history-arbitrary.ts';

/** A read of what was known at a moment, wherever the fold was. */
export interface KnownRead {
  readonly key: readonly string[];
  readonly asOf: number;
}

/** One view of a random project over the log of its histories. */
export interface ViewCase {
  readonly program: ViewProgram;
  /** Reads of states while events came in; two orders of arrival. */
  readonly folded: readonly FoldedRead[];
  /** The last reads of the second order, of the same keys, moments and fences as those of the first. */
  readonly ends: readonly (readonly [FoldedRead, FoldedRead])[];
  readonly known: readonly KnownRead[];
}

export interface ProjectCase {
  readonly project: RandomProject;
  readonly histories: number;
  /** What ingest makes of the deliveries, and what it must make of them. */
  readonly ingested: readonly LoggedEvent[];
  readonly log: readonly LoggedEvent[];
  readonly views: readonly ViewCase[];
}

const picks = fc.array(fc.nat({ max: 30 }), { minLength: 1, maxLength: 20, size: 'max' });

/** How one history arrives and is read. */
const arrival = fc.record({
  orders: fc.tuple(picks, picks),
  leads: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: -HOUR_MS, max: 50 * HOUR_MS })), {
    minLength: 1,
    maxLength: 5,
    size: 'max',
  }),
  moments: fc.array(fc.integer({ min: -HOUR_MS, max: 120 * HOUR_MS }), { minLength: 1, maxLength: 2 }),
});

type Arrival = typeof arrival extends fc.Arbitrary<infer T> ? T : never;

interface CaseOptions {
  readonly name: string;
  readonly histories: number;
  readonly eventsMax: number;
  /** Whether the source's rows change. */
  readonly changes?: boolean;
}

/** A random project with histories side by side, each with keys and source partitions of its own. */
export const projectCase = ({
  name,
  histories,
  eventsMax,
  changes = false,
}: CaseOptions): fc.Arbitrary<ProjectCase> =>
  projectArbitrary(name, histories * PARTITIONS_A_HISTORY, changes).chain((project) => {
    const deliveries = deliveriesArbitrary(project.source, { sorts: sortsFor(project), eventsMax });
    const history = fc.record({ deliveries, arrival });
    return fc
      .array(history, { minLength: histories, maxLength: histories })
      .map((drawn) => buildCase(project, drawn));
  });

/** Numbers for which what is drawn gives one answer to the last bit. */
function sortsFor({ views }: RandomProject): readonly NumberSort[] {
  const kinds = views.flatMap((view) => Object.values<ViewFeature>(view.features).map(({ kind }) => kind));
  // A quantile sketch tells numbers apart that lie less than 8e8 times nearer to 0 than the farthest.
  if (kinds.includes('approxQuantile')) return ['plain'];
  return ['plain', 'plain', 'huge', kinds.some((kind) => kind.startsWith('decayed')) ? 'hard' : 'tied'];
}

function buildCase(
  project: RandomProject,
  drawn: readonly { readonly deliveries: readonly Delivery[]; readonly arrival: Arrival }[],
): ProjectCase {
  const placed = drawn.map(({ deliveries }, h) => deliveries.map((delivery) => place(delivery, h)));
  const ingested = placed.map((deliveries) => ingestDeliveries(project.source, deliveries));
  const log = placed.flatMap((deliveries) => logNaively(project.source, deliveries));
  const shown = {
    schema: project.source.schema,
    views: project.views.map(({ entity, features }) => ({ keys: entity.keys, features })),
    log,
  };
  return {
    // What fast-check prints of a case that fails.
    ...{ [fc.toStringMethod]: () => JSON.stringify(shown) },
    project,
    histories: drawn.length,
    ingested: ingested.flat(),
    log,
    views: project.views.map((view) => {
      const program = compileView(view);
      const runs = drawn.map(({ arrival: { orders, leads } }, h) =>
        orders.map((order) => foldAlong(program, ingested[h] ?? [], order, leads)),
      );
      return {
        program,
        folded: runs.flatMap((orders) => orders.flatMap(({ reads, ends }) => [...reads, ...ends])),
        ends: runs.flatMap(([one, other]) =>
          (one?.ends ?? []).map((read, i) => [read, other?.ends[i] as FoldedRead] as const),
        ),
        known: drawn.flatMap(({ arrival: { moments } }, h) =>
          knownReads(program, ingested[h] ?? [], moments),
        ),
      };
    }),
  };
}

/** Keys and ids that no other history has. */
function place(delivery: Delivery, h: number): Delivery {
  const { payload } = delivery;
  const { id, before, after } = payload as Readonly<Record<'before' | 'after', Payload | null>> & Payload;
  return {
    ...delivery,
    sourcePartition: h * PARTITIONS_A_HISTORY + delivery.sourcePartition,
    payload:
      'op' in payload
        ? { ...payload, id: `${h}/${String(id)}`, before: before && placeRow(before, h), after: after && placeRow(after, h) }
        : placeRow(payload, h),
  };
}

function placeRow(row: Payload, h: number): Payload {
  const { id, card, shop } = row as Record<string, string | undefined>;
  return {
    ...row,
    id: `${h}/${id}`,
    card: `${card}/${h}`,
    ...(shop === undefined ? {} : { shop: `${shop}/${h}` }),
  };
}

function knownReads(
  { keyFields }: ViewProgram,
  events: readonly LoggedEvent[],
  moments: readonly number[],
): KnownRead[] {
  return moments.flatMap((after, i) => {
    const one = events[(i * 7) % Math.max(1, events.length)];
    const key = keyFields.map((field) => one?.row[field] ?? null);
    // Near the event's own time, or at any.
    const asOf = i % 2 === 0 && one !== undefined ? one.knownTime + (after % HOUR_MS) : START_MS + after;
    return key.every((part) => typeof part === 'string') ? [{ key, asOf }] : [];
  });
}
