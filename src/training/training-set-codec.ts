import { createHash } from 'node:crypto';
import type { CategoryColumn, TrainingSet } from '../contracts/training-set.ts';
import { assertInvariant } from '../core/assert-invariant.ts';
import { MillraceError } from '../core/millrace-error.ts';

/**
 * Layout, little-endian: magic, format, length of the header, sha256 of all that follows it; the
 * header (JSON); then the sections, each starting at a multiple of eight bytes so that a typed array
 * can lie over it.
 */
const MAGIC = 0x4c54524d;
const FORMAT = 1;
const DIGEST_AT = 12;
const HEADER_AT = 48;
const ALIGNMENT = 8;
/** The longest file that Node reads in one piece. */
export const TRAINING_SET_BYTES_MAX = 2 ** 31 - 1;

interface Header {
  readonly model: string;
  readonly serviceDigest: string;
  readonly numericNames: readonly string[];
  readonly rows: number;
  readonly categories: readonly { readonly name: string; readonly dictionary: readonly string[] }[];
  /** Bytes of the example ids' JSON text. */
  readonly exampleIdBytes: number;
}

/** @throws MillraceError TRAINING_SET_CORRUPT where the set is too large for one file */
export function encodeTrainingSet(set: TrainingSet): Uint8Array {
  const ids = Buffer.from(JSON.stringify(set.exampleIds));
  const header: Header = {
    model: set.model,
    serviceDigest: set.serviceDigest,
    numericNames: set.numericNames,
    rows: set.rows,
    categories: set.categories.map(({ name, dictionary }) => ({ name, dictionary })),
    exampleIdBytes: ids.length,
  };
  const text = Buffer.from(JSON.stringify(header));
  const sections = [
    set.decisionTimes,
    set.labelKnownTimes,
    set.numbers,
    set.labels,
    ...set.categories.map((c) => c.codes),
    ids,
  ];
  const lengths = sectionLengths(header);
  sections.forEach((section, i) => {
    assertInvariant(
      section.byteLength === lengths[i],
      `column ${i} of a training set has not ${set.rows} rows`,
    );
  });
  const total = aligned(HEADER_AT + text.length) + lengths.reduce((sum, length) => sum + aligned(length), 0);
  if (total > TRAINING_SET_BYTES_MAX) {
    throw corrupt(
      set.model,
      `it would take ${total} bytes of at most ${TRAINING_SET_BYTES_MAX}; shorten the training window`,
    );
  }
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, FORMAT, true);
  view.setUint32(8, text.length, true);
  bytes.set(text, HEADER_AT);
  let at = aligned(HEADER_AT + text.length);
  for (const section of sections) {
    bytes.set(new Uint8Array(section.buffer, section.byteOffset, section.byteLength), at);
    at += aligned(section.byteLength);
  }
  bytes.set(digestOf(bytes), DIGEST_AT);
  return bytes;
}

/**
 * The arrays lie over the given bytes where these start at a multiple of eight, so a set costs no
 * second copy: leave the bytes alone afterwards.
 * @throws MillraceError TRAINING_SET_CORRUPT
 */
export function decodeTrainingSet(source: Uint8Array): TrainingSet {
  const bytes = source.byteOffset % ALIGNMENT === 0 ? source : Uint8Array.from(source);
  const header = readHeader(bytes);
  const lengths = sectionLengths(header);
  const start = aligned(HEADER_AT + new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true));
  const expected = start + lengths.reduce((sum, length) => sum + aligned(length), 0);
  if (expected !== bytes.length)
    throw corrupt(header.model, `expected ${expected} bytes, found ${bytes.length}`);
  let at = bytes.byteOffset + start;
  const next = (length: number): [ArrayBuffer, number] => {
    const place: [ArrayBuffer, number] = [bytes.buffer as ArrayBuffer, at];
    at += aligned(length);
    return place;
  };
  const { rows } = header;
  const decisionTimes = new Float64Array(...next(rows * 8), rows);
  const labelKnownTimes = new Float64Array(...next(rows * 8), rows);
  const numberCount = rows * header.numericNames.length;
  const numbers = new Float32Array(...next(numberCount * 4), numberCount);
  const labels = new Float32Array(...next(rows * 4), rows);
  const categories = header.categories.map(({ name, dictionary }): CategoryColumn => {
    return { name, dictionary, codes: new Int32Array(...next(rows * 4), rows) };
  });
  const exampleIds = JSON.parse(
    Buffer.from(...next(header.exampleIdBytes), header.exampleIdBytes).toString(),
  ) as string[];
  const { model, serviceDigest, numericNames } = header;
  return {
    model,
    serviceDigest,
    numericNames,
    rows,
    numbers,
    categories,
    labels,
    decisionTimes,
    labelKnownTimes,
    exampleIds,
  };
}

function readHeader(bytes: Uint8Array): Header {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_AT || view.getUint32(0, true) !== MAGIC) {
    throw corrupt(null, `the ${bytes.length} bytes do not start with its mark`);
  }
  const format = view.getUint32(4, true);
  if (format !== FORMAT) throw corrupt(null, `expected format ${FORMAT}, found ${format}`);
  // The digest comes first: what follows may then be trusted to be what the encoder wrote.
  if (Buffer.compare(digestOf(bytes), bytes.subarray(DIGEST_AT, DIGEST_AT + 32)) !== 0) {
    throw corrupt(null, `the sha256 of its ${bytes.length} bytes is not the recorded one`);
  }
  const length = view.getUint32(8, true);
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset + HEADER_AT, length).toString()) as Header;
}

/** Of decision times, label-known times, numbers, labels, each category's codes, example ids. */
function sectionLengths({ rows, numericNames, categories, exampleIdBytes }: Header): number[] {
  return [
    rows * 8,
    rows * 8,
    rows * numericNames.length * 4,
    rows * 4,
    ...categories.map(() => rows * 4),
    exampleIdBytes,
  ];
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes.subarray(0, DIGEST_AT)).update(bytes.subarray(HEADER_AT)).digest();
}

const aligned = (length: number): number => Math.ceil(length / ALIGNMENT) * ALIGNMENT;

function corrupt(model: string | null, what: string): MillraceError {
  const name = model === null ? 'Training set' : `Training set of '${model}'`;
  return new MillraceError('TRAINING_SET_CORRUPT', `${name}: ${what}. Build it again.`);
}
