import type { Decision, Fence, ViewRead } from '../contracts/decision.ts';
import type { JsonValue } from '../core/json.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Row } from '../define/field.ts';
import { ByteReader, MalformedBytes } from '../fold/byte-reader.ts';
import { ByteWriter } from '../fold/byte-writer.ts';
import { writeFences } from '../fold/state-codec.ts';
import type { ViewState } from '../fold/view-state.ts';

/** What the decisions of one version and variant have in common. */
export interface DecisionKind extends Pick<Decision, 'model' | 'version' | 'digest' | 'variant'> {
  /** Names of an instance's fields. */
  readonly fields: readonly string[];
  readonly views: readonly Pick<ViewRead, 'view' | 'version'>[];
  /** Numbers of a row, and categories. */
  readonly numberCount: number;
  readonly categoryCount: number;
}

/** The rest of a decision, as the request that it answers left it: what is an array has one row, or one entry a view, for each instance. */
export interface DecisionValues extends Pick<Decision, 'id' | 'unit' | 'exampleId' | 'asOf' | 'servedAt' | 'score' | 'shadow' | 'latencyMs'> {
  /** Which of the request's instances. */
  readonly row: number;
  readonly instance: Row;
  readonly numbers: Float32Array;
  readonly categories: readonly (string | null)[];
  /** A view whose entity key is null was not read. */
  readonly asked: readonly { readonly entityKey: string | null }[];
  readonly states: readonly (ViewState | null)[];
}

/** A decision without its kind, as `encodeDecision` wrote it: a piece of its writer's memory, until that is reset. */
export interface EncodedDecision {
  readonly kind: DecisionKind;
  readonly memory: Uint8Array;
  readonly start: number;
  readonly end: number;
}

const FORMAT_VERSION = 1;
const FLOAT32_BYTES = 4;
/** Smaller numbers are varints of one byte. */
const ONE_BYTE_MAX = 128;
/** What a value of an instance is; numbers follow as varints where they are small and whole, as doubles elsewhere. */
const Tag = { null: 0, false: 1, true: 2, text: 3, whole: 4, number: 5 } as const;
const WHOLE_MAX = 2 ** 31 - 1;

/**
 * Writes one decision, without what its kind says: id, unit, example id, times, the instance's values each behind a tag, the row's
 * numbers as little-endian float32, its categories, per view its key, fence and newest known time, score, shadow and latencies.
 */
export function encodeDecision(writer: ByteWriter, kind: DecisionKind, values: DecisionValues): EncodedDecision {
  const start = writer.length;
  writer.text(values.id);
  writeMaybe(writer, values.unit);
  writeMaybe(writer, values.exampleId);
  writer.float64(values.asOf);
  writer.float64(values.servedAt);
  for (let f = 0; f < kind.fields.length; f++) writeValue(writer, values.instance[kind.fields[f]!]);
  writer.float32s(values.numbers, values.row * kind.numberCount, kind.numberCount);
  for (let c = 0, at = values.row * kind.categoryCount; c < kind.categoryCount; c++, at++) writeMaybe(writer, values.categories[at]);
  for (let v = 0, at = values.row * kind.views.length; v < kind.views.length; v++, at++) writeRead(writer, values.asked[at]!.entityKey, values.states[at] ?? null);
  writer.float64(values.score);
  writer.byte(values.shadow === null ? 0 : 1);
  if (values.shadow !== null) {
    writer.varint(values.shadow.version);
    writer.float64(values.shadow.score);
  }
  const { features, queue, compute, total } = values.latencyMs;
  writer.float64(features);
  writer.float64(queue);
  writer.float64(compute);
  writer.float64(total);
  return { kind, memory: writer.memory, start, end: writer.length };
}

function writeMaybe(writer: ByteWriter, text: string | null | undefined): void {
  writer.byte(text === null || text === undefined ? 0 : 1);
  if (text !== null && text !== undefined) writer.text(text);
}

function writeValue(writer: ByteWriter, value: Row[string] | undefined): void {
  if (value === null || value === undefined) writer.byte(Tag.null);
  else if (typeof value === 'boolean') writer.byte(value ? Tag.true : Tag.false);
  else if (typeof value === 'string') {
    writer.byte(Tag.text);
    writer.text(value);
  } else if (Number.isInteger(value) && Math.abs(value) <= WHOLE_MAX) {
    writer.byte(Tag.whole);
    writer.signedVarint(value);
  } else {
    writer.byte(Tag.number);
    writer.float64(value);
  }
}

function writeRead(writer: ByteWriter, entityKey: string | null, state: ViewState | null): void {
  writeMaybe(writer, entityKey);
  if (entityKey === null) return;
  writer.byte(state === null ? 0 : 1);
  if (state === null) return;
  writeFences(writer, state);
  writer.float64(state.newestKnownTime);
}

/**
 * Decisions as one message: format version, the kinds, then, to the end, runs of decisions of one kind: its number, their number, and they
 * themselves. Kinds are told apart by identity.
 */
export function writeDecisionFrame(decisions: readonly EncodedDecision[]): Uint8Array {
  const kinds = [...new Set(decisions.map(({ kind }) => kind))];
  const frame = new ByteWriter(decisions.reduce((sum, { start, end }) => sum + end - start, 1_024));
  frame.byte(FORMAT_VERSION);
  frame.varint(kinds.length);
  for (const kind of kinds) writeKind(frame, kind);
  for (let from = 0, to = 0; from < decisions.length; from = to) {
    const { kind, memory, start } = decisions[from]!;
    let end = start;
    // One copy for what lies side by side.
    for (; decisions[to]?.kind === kind && decisions[to]!.memory === memory && decisions[to]!.start === end; to++) ({ end } = decisions[to]!);
    frame.varint(kinds.indexOf(kind));
    frame.varint(to - from);
    frame.bytes(memory.subarray(start, end));
  }
  return frame.written();
}

function writeKind(frame: ByteWriter, kind: DecisionKind): void {
  frame.text(kind.model);
  frame.varint(kind.version);
  frame.text(kind.digest);
  frame.text(kind.variant);
  frame.varint(kind.fields.length);
  for (const name of kind.fields) frame.text(name);
  frame.varint(kind.views.length);
  for (const { view, version } of kind.views) {
    frame.text(view);
    frame.varint(version);
  }
  frame.varint(kind.numberCount);
  frame.varint(kind.categoryCount);
}

/** @throws MillraceError STREAM_FRAME_CORRUPT on anything that `writeDecisionFrame` did not write */
export function readDecisionFrame(bytes: Uint8Array): Decision[] {
  return reading(bytes, (reader) => {
    const version = reader.byte();
    if (version !== FORMAT_VERSION) throw new MalformedBytes(`expected format ${FORMAT_VERSION}, found ${version}`);
    const kinds = list(reader, 'number of kinds', () => readKind(reader));
    const decisions: Decision[] = [];
    while (reader.remaining > 0) {
      const kind = kinds[reader.varintUpTo(kinds.length - 1, 'kind of decisions')]!;
      for (const decision of list(reader, 'number of decisions', () => readDecision(kind, reader))) decisions.push(decision);
    }
    return decisions;
  });
}

/** Whether the decision that begins at `start` has an id of ASCII, which all have that serving makes. */
export function hasId(memory: Uint8Array, start: number, id: string): boolean {
  // The length is one byte, as is each character.
  if (id.length >= ONE_BYTE_MAX || memory[start] !== id.length) return false;
  for (let i = 0; i < id.length; i++) if (memory[start + 1 + i] !== id.charCodeAt(i)) return false;
  return true;
}

/** @throws MillraceError STREAM_FRAME_CORRUPT */
export const decodeDecision = ({ kind, memory, start, end }: EncodedDecision): Decision =>
  reading(memory.subarray(start, end), (reader) => readDecision(kind, reader));

function reading<T>(bytes: Uint8Array, read: (reader: ByteReader) => T): T {
  try {
    const reader = new ByteReader(bytes);
    const found = read(reader);
    reader.end();
    return found;
  } catch (cause) {
    if (!(cause instanceof MalformedBytes)) throw cause;
    throw new MillraceError('STREAM_FRAME_CORRUPT', `Decisions: ${cause.message}. The message is damaged, or of a newer release: update the process that reads it.`, { cause });
  }
}

const list = <T>(reader: ByteReader, what: string, read: () => T): T[] =>
  Array.from({ length: reader.varintUpTo(reader.remaining, what) }, read);

function readKind(reader: ByteReader): DecisionKind {
  return {
    model: reader.text(),
    version: reader.varint(),
    digest: reader.text(),
    // Whoever stores it checks what it is.
    variant: reader.text() as DecisionKind['variant'],
    fields: list(reader, 'number of fields', () => reader.text()),
    views: list(reader, 'number of views', () => ({ view: reader.text(), version: reader.varint() })),
    numberCount: reader.varintUpTo(reader.remaining, 'number of numbers'),
    categoryCount: reader.varintUpTo(reader.remaining, 'number of categories'),
  };
}

function readDecision(kind: DecisionKind, reader: ByteReader): Decision {
  const { model, version, digest, variant } = kind;
  const id = reader.text();
  const unit = readMaybe(reader);
  const exampleId = readMaybe(reader);
  const asOf = reader.float64();
  const servedAt = reader.float64();
  const instance = Object.fromEntries(kind.fields.map((name) => [name, readValue(reader)]));
  const numbers = Buffer.from(reader.bytes(kind.numberCount * FLOAT32_BYTES)).toString('base64');
  const categories = Array.from({ length: kind.categoryCount }, () => readMaybe(reader));
  const reads = kind.views.flatMap((view) => readRead(reader, view));
  const score = reader.float64();
  const shadow = reader.byte() === 0 ? null : { version: reader.varint(), score: reader.float64() };
  const latencyMs = { features: reader.float64(), queue: reader.float64(), compute: reader.float64(), total: reader.float64() };
  const from = { id, model, version, digest, variant, ...(unit === null ? {} : { unit }), exampleId, asOf, servedAt };
  return { ...from, instance, numbers, categories, reads, score, shadow, latencyMs };
}

const readMaybe = (reader: ByteReader): string | null => (reader.byte() === 0 ? null : reader.text());

function readValue(reader: ByteReader): JsonValue {
  const tag = reader.byte();
  switch (tag) {
    case Tag.null:
      return null;
    case Tag.false:
    case Tag.true:
      return tag === Tag.true;
    case Tag.text:
      return reader.text();
    case Tag.whole:
      return reader.signedVarint();
    case Tag.number:
      return reader.float64();
    default:
      throw new MalformedBytes(`expected a value of an instance, found tag ${tag}`);
  }
}

function readRead(reader: ByteReader, { view, version }: Pick<ViewRead, 'view' | 'version'>): ViewRead[] {
  const entityKey = readMaybe(reader);
  if (entityKey === null) return [];
  if (reader.byte() === 0) return [{ view, version, entityKey, fence: {}, newestKnownTime: null }];
  const fence = readFence(reader);
  const time = reader.float64();
  return [{ view, version, entityKey, fence, newestKnownTime: Number.isFinite(time) ? time : null }];
}

function readFence(reader: ByteReader): Fence {
  const entries = list(reader, 'number of fences', () => [String(reader.varint()), reader.varint()] as const);
  return Object.fromEntries(entries);
}
