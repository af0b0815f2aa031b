import { MillraceError } from '../core/millrace-error.ts';
import { SOURCE_PARTITIONS_MAX } from '../define/source.ts';
import { ByteReader, MalformedBytes } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { COUNT, FENCE_COUNT, FIRST, hopAt } from './tile-layout.ts';
import type { Resolution, ViewProgram } from './view-program.ts';
import { createState, type ViewState } from './view-state.ts';

const FORMAT_VERSION = 1;
/** Greatest time that a Date can hold, ms since the epoch. */
const TIME_MAX_MS = 8.64e15;

const writer = new ByteWriter();

/**
 * The state as one value: format version (1 byte), hash of the view's definition (4 bytes), newest known
 * time (double), fences (count, then partition and offset of each), and per hop the tiles that are not
 * empty (count, then for each the distance of its index from the one before and its slots). Whole numbers
 * are varints; sketches follow the slots of their tile as each kind writes them; slots are varints where they are whole and doubles elsewhere, told apart by one bit each.
 */
export function encodeState(program: ViewProgram, state: ViewState): Uint8Array {
  writer.reset();
  writer.byte(FORMAT_VERSION);
  writer.uint32(program.definitionHash);
  writer.float64(state.newestKnownTime);
  writeFences(writer, state);
  for (let r = 0; r < program.resolutions.length; r++) encodeRun(program.resolutions[r]!, state, r);
  return writer.finish();
}

/** @throws MillraceError STATE_CORRUPT on anything that `encodeState` did not write for this definition */
export function decodeState(program: ViewProgram, bytes: Uint8Array): ViewState {
  try {
    const reader = new ByteReader(bytes);
    readHead(program, reader);
    const newestKnownTime = reader.float64();
    if (newestKnownTime > TIME_MAX_MS)
      throw new MalformedBytes(`expected a known time, found ${newestKnownTime}`);
    const state = createState(program);
    state.newestKnownTime = newestKnownTime;
    decodeFences(program, state, reader);
    for (let r = 0; r < program.resolutions.length; r++) decodeRun(program.resolutions[r]!, state, r, reader);
    reader.end();
    return state;
  } catch (cause) {
    if (!(cause instanceof MalformedBytes)) throw cause;
    throw new MillraceError(
      'STATE_CORRUPT',
      `State of view '${program.name}' version ${program.version}: ${cause.message}. Rebuild it with 'millrace materialize'.`,
      { cause, details: { view: program.name, version: program.version, bytes: bytes.length } },
    );
  }
}

function readHead(program: ViewProgram, reader: ByteReader): void {
  const version = reader.byte();
  if (version !== FORMAT_VERSION)
    throw new MalformedBytes(`expected format ${FORMAT_VERSION}, found ${version}`);
  const hash = reader.uint32();
  if (hash !== program.definitionHash) {
    throw new MalformedBytes(`expected definition ${hex(program.definitionHash)}, found ${hex(hash)}`);
  }
}

/** How many fences let something through, then partition and offset of each. */
export function writeFences(to: ByteWriter, { layout, values }: ViewState): void {
  const end = layout.fencesAt + values[FENCE_COUNT]!;
  let count = 0;
  for (let at = layout.fencesAt; at < end; at++) if (values[at]! >= 0) count++;
  to.varint(count);
  for (let at = layout.fencesAt; at < end; at++) {
    if (values[at]! < 0) continue;
    to.varint(at - layout.fencesAt);
    to.varint(values[at]!);
  }
}

function decodeFences({ layout }: ViewProgram, state: ViewState, reader: ByteReader): void {
  const count = reader.varintUpTo(SOURCE_PARTITIONS_MAX, 'number of fences');
  let before = -1;
  for (let i = 0; i < count; i++) {
    const partition = reader.varintUpTo(SOURCE_PARTITIONS_MAX - 1, 'source partition');
    if (partition <= before)
      throw new MalformedBytes(`expected a partition after ${before}, found ${partition}`);
    if (partition >= state.values[FENCE_COUNT]!) state.growFences(partition + 1);
    state.values[layout.fencesAt + partition] = reader.varint();
    before = partition;
  }
}

function encodeRun({ slotCount, sketches }: Resolution, state: ViewState, r: number): void {
  const { values } = state;
  const count = values[hopAt(r) + COUNT]!;
  const stride = slotCount + 1;
  writer.varint(count);
  let before = 0;
  for (let n = 0, at = values[hopAt(r) + FIRST]! * stride; n < count; n++, at += stride) {
    const tile = values[at]!;
    if (n === 0) writer.signedVarint(tile);
    else writer.varint(tile - before);
    writer.numbers(values, at + 1, slotCount);
    for (let i = 0; i < sketches.length; i++) state.sketches[r]![n]![i]!.encode(writer);
    before = tile;
  }
}

function decodeRun(resolution: Resolution, state: ViewState, r: number, reader: ByteReader): void {
  const { slotCount, hopMs, sketches } = resolution;
  const bytesPerTileMin = 1 + ((slotCount + 7) >>> 3) + slotCount + sketches.length;
  const count = reader.varintUpTo(Math.floor(reader.remaining / bytesPerTileMin), 'number of tiles');
  if (count === 0) return;
  const tileMax = TIME_MAX_MS / hopMs;
  state.reserve(r, count);
  const { values } = state;
  const first = values[hopAt(r) + FIRST]!;
  const stride = slotCount + 1;
  let tile = 0;
  for (let n = 0, at = first * stride; n < count; n++, at += stride) {
    const step = n === 0 ? reader.signedVarint() : reader.varint();
    if (n > 0 && step === 0) throw new MalformedBytes(`expected a tile after ${tile}, found it again`);
    tile += step;
    if (Math.abs(tile) > tileMax) throw new MalformedBytes(`expected a tile of a date, found ${tile}`);
    values[at] = tile;
    reader.numbers(values, at + 1, slotCount);
    if (sketches.length > 0) state.sketches[r]!.push(sketches.map(({ kind }) => kind.decode(reader)));
  }
  state.setCount(r, count);
}

const hex = (hash: number): string => hash.toString(16).padStart(8, '0');
