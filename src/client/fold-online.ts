import { MillraceError } from '../core/millrace-error.ts';
import type { FeatureView } from '../define/feature-view.ts';
import { compileView, prepareEvent, viewKeyOf } from '../fold/compile-view.ts';
import { parseRows } from '../fold/parse-rows.ts';
import { partitionOf } from '../fold/partition-of.ts';
import { decodeState, encodeState } from '../fold/state-codec.ts';
import { applyEvent, createState, type ViewState } from '../fold/view-state.ts';
import type { OnlineStore } from '../store/online-store.ts';
import { decodePosition, encodePosition, watermarkOf } from '../store/view-position.ts';

export interface OnlineEvent {
  /** As a sender would send it. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** Ms since the epoch. */
  readonly knownTime: number;
}

/** The one source partition that these events are said to come from. */
const SOURCE_PARTITION = 0;

/**
 * Folds events into the states of a view without a stream: for tests of what reads features, and for programs that keep an
 * online store of their own in memory. Events of one call are visible together, partition by partition; calls for one
 * view come one after the other. Not for a store that a running Millrace writes.
 * @throws MillraceError STREAM_EVENT_INVALID with all problems, before anything is written
 */
export async function foldOnline(
  store: OnlineStore,
  view: FeatureView,
  events: readonly OnlineEvent[],
): Promise<void> {
  const program = compileView(view);
  const rows = parseEvents(view, events);
  const inputs = new Float64Array(program.inputCount);
  for (let partition = 0; partition < program.partitions; partition++) {
    const expected = await store.readPositionText(program, partition);
    const before = decodePosition(expected);
    const firstOffset = watermarkOf(before, SOURCE_PARTITION) + 1;
    const own = rows.flatMap(({ row, event, ...times }) => {
      const entityKey = viewKeyOf(program, row);
      return entityKey === null || partitionOf(entityKey, program.partitions) !== partition
        ? []
        : [{ entityKey, row, offset: firstOffset + event, ...times }];
    });
    const keys = [...new Set(own.map(({ entityKey }) => entityKey))];
    const found = await store.readStates(keys.map((entityKey) => ({ program, entityKey })));
    const states = new Map(
      keys.map((key, i): [string, ViewState] => [
        key,
        found[i] ? decodeState(program, found[i]) : createState(program),
      ]),
    );
    for (const { entityKey, row, offset, effectiveTime, knownTime } of own) {
      prepareEvent(program, row, inputs, 0);
      applyEvent(
        program,
        states.get(entityKey) as ViewState,
        SOURCE_PARTITION,
        offset,
        effectiveTime,
        knownTime,
        inputs,
        0,
      );
    }
    const newest = rows.reduce(
      (latest, { knownTime }) => Math.max(latest, knownTime),
      before.newestKnownTime ?? -Infinity,
    );
    const position = encodePosition({
      viewOffset: before.viewOffset + 1,
      watermarks: { ...before.watermarks, [SOURCE_PARTITION]: firstOffset + events.length - 1 },
      newestKnownTime: Number.isFinite(newest) ? newest : null,
    });
    const written = await store.writePartition(program, partition, {
      expected,
      position,
      states: [...states].map(([entityKey, state]) => ({ entityKey, bytes: encodeState(program, state) })),
    });
    if (!written) throw busy(view, partition);
  }
}

function parseEvents(view: FeatureView, events: readonly OnlineEvent[]) {
  const problems: string[] = [];
  const rows = events.flatMap(({ payload, knownTime }, i) => {
    const parsed = parseRows(view.source, payload);
    if (parsed.ok)
      return parsed.rows.map((row) => ({
        event: i,
        row,
        knownTime,
        effectiveTime: Math.min(row[view.source.eventTime] as number, knownTime),
      }));
    problems.push(...parsed.problems.map((text) => `events[${i}]: ${text}`));
    return [];
  });
  if (problems.length > 0)
    throw new MillraceError(
      'STREAM_EVENT_INVALID',
      `Events of source '${view.source.name}' are wrong: ${problems.join('; ')}. Correct them, then send all again.`,
    );
  return rows;
}

const busy = (view: FeatureView, partition: number): MillraceError =>
  new MillraceError(
    'STORE_REBUILD_BUSY',
    `View '${view.name}', partition ${partition}, was written by somebody else at the same time. Wait for each call before the next.`,
  );
