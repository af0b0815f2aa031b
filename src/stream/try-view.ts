import { parseDuration } from '../core/duration.ts';
import type { ErrorCode } from '../core/error-table.ts';
import { compileView, prepareEvent, viewKeyOf, type ViewProgram } from '../fold/compile-view.ts';
import { readFresh } from '../fold/fresh-read.ts';
import { parsePayload } from '../fold/parse-event.ts';
import { applyEvent, createState, type ViewState } from '../fold/view-state.ts';
import { joinEntityKey, shownEntityKey } from '../define/entity.ts';
import type { FeatureView } from '../define/feature-view.ts';
import { assertViewKey } from '../store/sql/assert-view-key.ts';
import { createMessageParser, KNOWN_TIME_HEADER, parseMessage, type ParsedEvent } from './parse-message.ts';

/** Lines of one try: all of them are in memory. */
export const TRY_EVENTS_MAX = 100_000;

/** One line of a file of sample events. */
export interface SampleLine {
  readonly line: number;
  readonly text: string;
}

export interface TryOptions {
  /** Moment of the reads, ms since the epoch; the newest known time of the events where absent. */
  readonly asOf?: number;
  /** Only this key: the values of its fields in the order of the entity. */
  readonly key?: readonly string[];
  /** Also what each event changes, as of its known time. */
  readonly each?: boolean;
}

export interface TriedView {
  readonly view: string;
  readonly version: number;
  /** Null where no event was taken. */
  readonly asOf: number | null;
  readonly events: {
    readonly taken: number;
    /** Of another source. */
    readonly others: number;
    /** A second delivery of an id within the source's dedupe window. */
    readonly duplicates: number;
    /** A key field is null: such an event counts in no state. */
    readonly withoutKey: number;
    /** Known after `asOf`: not seen. */
    readonly later: number;
  };
  readonly deadLetters: readonly {
    readonly line: number;
    readonly code: ErrorCode;
    readonly message: string;
  }[];
  readonly keys: readonly TriedKey[];
  readonly steps: readonly TriedStep[];
}

export interface TriedKey {
  readonly key: string;
  readonly stale: boolean;
  readonly values: Readonly<Record<string, number | null>>;
}

export interface TriedStep {
  readonly line: number;
  readonly knownTime: number;
  readonly key: string;
  /** Features that the event changed, with their values after it. */
  readonly changed: Readonly<Record<string, number | null>>;
}

type NumberedEvent = ParsedEvent & { readonly line: number };

/**
 * Runs a view over sample events as ingest and fold would, in memory and without any server. A line is an event's
 * payload, known when it happened, or an event as `millrace replay` takes it.
 * @throws MillraceError REQUEST_INVALID where the key does not fit the entity
 */
export function tryView(view: FeatureView, lines: readonly SampleLine[], options: TryOptions = {}): TriedView {
  if (options.key !== undefined) assertViewKey(view, options.key);
  const program = compileView(view);
  const { events, others, deadLetters } = parseLines(view, lines);
  const { kept, duplicates } = dropDuplicates(view, events);
  const asOf = options.asOf ?? kept.at(-1)?.knownTime ?? null;
  const seen = kept.filter(({ knownTime }) => asOf !== null && knownTime <= asOf);
  const wanted = options.key === undefined ? undefined : joinEntityKey(options.key);
  const fold = new SampleFold(program);
  const steps: TriedStep[] = [];
  let withoutKey = 0;
  seen.forEach((event, offset) => {
    const key = viewKeyOf(program, event.row);
    if (key === null) withoutKey += 1;
    else if (wanted === undefined || key === wanted) {
      const before = options.each === true ? fold.read(key, event.knownTime).values : {};
      fold.apply(key, event, offset);
      if (options.each !== true) return;
      const { values } = fold.read(key, event.knownTime);
      const changed = Object.fromEntries(
        Object.entries(values).filter(([name, value]) => !Object.is(value, before[name])),
      );
      steps.push({ line: event.line, knownTime: event.knownTime, key: shownEntityKey(key), changed });
    }
  });
  const keys = wanted !== undefined && !fold.keys.includes(wanted) ? [wanted] : fold.keys;
  return {
    view: view.name,
    version: view.version,
    asOf,
    events: {
      taken: kept.length,
      others,
      duplicates,
      withoutKey,
      later: kept.length - seen.length,
    },
    deadLetters,
    keys: asOf === null ? [] : keys.map((key) => ({ key: shownEntityKey(key), ...fold.read(key, asOf) })),
    steps,
  };
}

class SampleFold {
  readonly #program: ViewProgram;
  readonly #states = new Map<string, ViewState>();
  readonly #inputs: Float64Array;

  constructor(program: ViewProgram) {
    this.#program = program;
    this.#inputs = new Float64Array(program.inputCount);
  }

  get keys(): string[] {
    return [...this.#states.keys()].sort();
  }

  apply(key: string, { row, effectiveTime, knownTime }: ParsedEvent, offset: number): void {
    let state = this.#states.get(key);
    if (state === undefined) this.#states.set(key, (state = createState(this.#program)));
    prepareEvent(this.#program, row, this.#inputs, 0);
    applyEvent(this.#program, state, 0, offset, effectiveTime, knownTime, this.#inputs, 0);
  }

  read(key: string, asOf: number): Omit<TriedKey, 'key'> {
    const { featureNames } = this.#program;
    const out = new Float64Array(featureNames.length);
    const stale = readFresh(this.#program, this.#states.get(key) ?? null, asOf, out, 0);
    const valueOf = (value: number): number | null => (Number.isNaN(value) ? null : value);
    return { stale, values: Object.fromEntries(featureNames.map((name, i) => [name, valueOf(out[i] as number)])) };
  }
}

function parseLines(
  view: FeatureView,
  lines: readonly SampleLine[],
): { events: NumberedEvent[]; others: number; deadLetters: TriedView['deadLetters'] } {
  const parser = createMessageParser(view.source);
  const events: NumberedEvent[] = [];
  const deadLetters: TriedView['deadLetters'][number][] = [];
  let others = 0;
  for (const { line, text } of lines) {
    const sample = sampleOf(view, text);
    if (sample === null) {
      others += 1;
      continue;
    }
    const parsed = parseMessage(parser, 0, {
      offset: line,
      timestamp: sample.knownTime,
      key: null,
      value: Buffer.from(sample.payload),
      headers: { [KNOWN_TIME_HEADER]: String(sample.knownTime) },
    });
    if ('event' in parsed) events.push({ ...parsed.event, line });
    else deadLetters.push({ line, code: parsed.refusal.code, message: parsed.refusal.message });
  }
  return { events: events.sort((a, b) => a.knownTime - b.knownTime), others, deadLetters };
}

/** Payload and known time of a line; null where it is an event of another source. */
function sampleOf(view: FeatureView, text: string): { payload: string; knownTime: number } | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { payload: text, knownTime: 0 };
  }
  if (isSent(value)) {
    if (value.source !== view.source.name) return null;
    const known = typeof value.knownTime === 'string' ? Date.parse(value.knownTime) : value.knownTime;
    return { payload: JSON.stringify(value.payload), knownTime: known };
  }
  const parsed = parsePayload(view.source, value);
  return { payload: text, knownTime: parsed.ok ? (parsed.row[view.source.eventTime] as number) : 0 };
}

interface SentEvent {
  readonly source: string;
  readonly payload: unknown;
  readonly knownTime: number | string;
}

const isSent = (value: unknown): value is SentEvent =>
  typeof value === 'object' &&
  value !== null &&
  'source' in value &&
  'knownTime' in value &&
  'payload' in value &&
  typeof value.payload === 'object';

/** As ingest does: of two deliveries of an id within the dedupe window the second is dropped. */
function dropDuplicates(
  view: FeatureView,
  events: readonly NumberedEvent[],
): { kept: NumberedEvent[]; duplicates: number } {
  const windowMs = parseDuration(view.source.dedupeWindow) ?? 0;
  const accepted = new Map<string, number>();
  const kept = events.filter(({ id, knownTime }) => {
    const before = accepted.get(id);
    if (before !== undefined && knownTime - before <= windowMs) return false;
    accepted.set(id, knownTime);
    return true;
  });
  return { kept, duplicates: events.length - kept.length };
}
