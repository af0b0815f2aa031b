import { assertInvariant } from '../core/assert-invariant.ts';
import { MillraceError } from '../core/millrace-error.ts';
import { SOURCE_PARTITIONS_MAX } from '../define/source.ts';
import { ByteReader, MalformedBytes } from './byte-reader.ts';
import { ByteWriter, VARINT_MAGNITUDE_MAX } from './byte-writer.ts';
import type { TextIds } from './text-ids.ts';
import type { ViewProgram } from './view-program.ts';

const FORMAT_VERSION = 1;

/** Of the frame that is being finished. */
const head = new ByteWriter(64);

/** What a frame says of its ingest batch. */
export interface FrameHeader {
  readonly sourcePartition: number;
  /** First and last source offset that the batch covers: every event of the source partition up to the last is in this frame or an earlier one. */
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** Newest known time of the whole batch, ms since the epoch. */
  readonly newestKnownTime: number;
  readonly count: number;
}

/** @param entityKey its number among the keys that were given for reading */
export type FrameEventHandler = (
  entityKey: number,
  sourceOffset: number,
  effectiveTime: number,
  knownTime: number,
  inputs: Float64Array,
  at: number,
) => void;

/**
 * Collects the prepared events of one ingest batch for one view partition and writes them as one
 * message: format version, definition hash, header, then per event its key, the distance of its offset
 * from the one before, its times, one bit per input that is not null, and the values of fields.
 */
export class FrameWriter {
  readonly #program: ViewProgram;
  readonly #events = new ByteWriter();
  readonly #values: Float64Array;
  #count = 0;
  #offsetBefore = -1;
  #knownBefore = 0;

  constructor(program: ViewProgram) {
    this.#program = program;
    this.#values = new Float64Array(program.inputCount);
  }

  /** How many events were added since the last reset. */
  get count(): number {
    return this.#count;
  }

  /** Source offset of the last event; -1 before the first. */
  get lastOffset(): number {
    return this.#offsetBefore;
  }

  /** Bytes of the events so far: what a caller holds against the broker's largest message. */
  get byteLength(): number {
    return this.#events.length;
  }

  /** Offsets ascend within a frame, but for the two rows of a change; times are whole milliseconds, the effective one not after the known one. */
  add(
    entityKey: string,
    sourceOffset: number,
    effectiveTime: number,
    knownTime: number,
    inputs: Float64Array,
    at: number,
  ): void {
    assertInvariant(
      sourceOffset >= this.#offsetBefore + offsetStep(this.#program),
      `offsets of a frame ascend, found ${sourceOffset} after ${this.#offsetBefore}`,
    );
    assertInvariant(
      Number.isSafeInteger(knownTime) &&
        Number.isSafeInteger(effectiveTime) &&
        effectiveTime <= knownTime &&
        knownTime - effectiveTime <= Number.MAX_SAFE_INTEGER &&
        Math.abs(knownTime - this.#knownBefore) <= VARINT_MAGNITUDE_MAX,
      `event at offset ${sourceOffset} has whole times that a frame holds, effective ${effectiveTime} not after known ${knownTime}`,
    );
    const events = this.#events;
    events.text(entityKey);
    events.varint(sourceOffset - this.#offsetBefore - offsetStep(this.#program));
    events.signedVarint(knownTime - this.#knownBefore);
    events.varint(knownTime - effectiveTime);
    this.#addInputs(inputs, at);
    this.#offsetBefore = sourceOffset;
    this.#knownBefore = knownTime;
    this.#count += 1;
  }

  finish(header: Omit<FrameHeader, 'count'>): Uint8Array {
    head.reset();
    head.byte(FORMAT_VERSION);
    head.uint32(this.#program.definitionHash);
    head.varint(header.sourcePartition);
    head.varint(header.firstOffset);
    head.varint(header.lastOffset);
    head.float64(header.newestKnownTime);
    head.varint(this.#count);
    const frame = new Uint8Array(head.length + this.#events.length);
    frame.set(head.written());
    frame.set(this.#events.written(), head.length);
    return frame;
  }

  reset(): void {
    this.#events.reset();
    this.#count = 0;
    this.#offsetBefore = -1;
    this.#knownBefore = 0;
  }

  #addInputs(inputs: Float64Array, at: number): void {
    const { inputCount, eventInputs } = this.#program;
    let bits = 0;
    let values = 0;
    for (let i = 0; i < inputCount; i++) {
      const value = inputs[at + i]!;
      if (!Number.isNaN(value)) {
        bits |= 1 << (i & 7);
        if (!eventInputs[i]!) this.#values[values++] = value;
      }
      if ((i & 7) === 7 || i === inputCount - 1) {
        this.#events.byte(bits);
        bits = 0;
      }
    }
    this.#events.numbers(this.#values, 0, values);
  }
}

/**
 * Gives every event of a frame to `onEvent`, in order; `inputs` is used again for the next one. Where the
 * frame turns out to be damaged, the events before the damage have been given.
 * @param keys numbers the entity keys, those of other frames too
 * @throws MillraceError STREAM_FRAME_CORRUPT on anything that a FrameWriter did not write for this definition
 */
export function readFrame(program: ViewProgram, bytes: Uint8Array, keys: TextIds, onEvent: FrameEventHandler): FrameHeader {
  try {
    const reader = new ByteReader(bytes);
    const header = readHeader(program, reader);
    if (eventInputs.length < program.inputCount) eventInputs = new Float64Array(program.inputCount);
    const inputs = eventInputs;
    const step = offsetStep(program);
    let offset = -1;
    let knownTime = 0;
    for (let i = 0; i < header.count; i++) {
      const entityKey = reader.textId(keys);
      offset += reader.varint() + step;
      knownTime += reader.signedVarint();
      const effectiveTime = knownTime - reader.varint();
      readInputs(program, reader, inputs);
      onEvent(entityKey, offset, effectiveTime, knownTime, inputs, 0);
    }
    reader.end();
    return header;
  } catch (cause) {
    if (!(cause instanceof MalformedBytes)) throw cause;
    throw new MillraceError(
      'STREAM_FRAME_CORRUPT',
      `Frame of view '${program.name}' version ${program.version}: ${cause.message}. Rebuild the view with 'millrace materialize'.`,
      { cause },
    );
  }
}

/** Least distance of two offsets: the two rows of a change have one. */
const offsetStep = (program: ViewProgram): 0 | 1 => (program.signInput < 0 ? 1 : 0);

function readHeader(program: ViewProgram, reader: ByteReader): FrameHeader {
  const version = reader.byte();
  if (version !== FORMAT_VERSION)
    throw new MalformedBytes(`expected format ${FORMAT_VERSION}, found ${version}`);
  const hash = reader.uint32();
  if (hash !== program.definitionHash) {
    throw new MalformedBytes(`expected definition ${program.definitionHash}, found ${hash}`);
  }
  return {
    sourcePartition: reader.varintUpTo(SOURCE_PARTITIONS_MAX - 1, 'source partition'),
    firstOffset: reader.varint(),
    lastOffset: reader.varint(),
    newestKnownTime: reader.float64(),
    count: reader.varintUpTo(reader.remaining, 'number of events'),
  };
}

const scratch = new Float64Array(256);
/** Of the event that is being given. */
let eventInputs = new Float64Array(64);

function readInputs(program: ViewProgram, reader: ByteReader, inputs: Float64Array): void {
  const { inputCount, eventInputs } = program;
  let values = 0;
  for (let i = 0, bits = 0; i < inputCount; i++) {
    if ((i & 7) === 0) bits = reader.byte();
    const present = ((bits >>> (i & 7)) & 1) === 1;
    inputs[i] = present ? 1 : NaN;
    if (present && !eventInputs[i]!) values++;
  }
  const numbers = values <= scratch.length ? scratch : new Float64Array(values);
  reader.numbers(numbers, 0, values);
  for (let i = 0, next = 0; i < inputCount; i++) {
    if (!eventInputs[i]! && !Number.isNaN(inputs[i]!)) inputs[i] = numbers[next++]!;
  }
}
