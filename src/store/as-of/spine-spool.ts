import { appendFile, readFile } from 'node:fs/promises';
import { fnv1a32 } from '../../core/fnv1a.ts';
import { KEY_BUCKETS, partFile, type PartPlan } from './run-plan.ts';
import type { ChunkBuilder } from './view-groups.ts';

/** Bytes of a part that are gathered before they are written. */
const BUFFER_BYTES = 65_536;
const NO_KEY_LENGTH = 0xffff_ffff;
const HEAD_BYTES = 12;

/** Bucket of a row by its key; rows without one share a bucket with others. */
export const bucketOf = (key: string | null): number => (key === null ? 0 : fnv1a32(key) % KEY_BUCKETS);

/** The next part and place of a bucket's rows, in the order of the spine: what writes the parts and what reads them count alike. */
export class PartCounter {
  readonly #rowsMax: number;
  readonly #rows = new Float64Array(KEY_BUCKETS);

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax;
  }

  next(bucket: number): number {
    return Math.floor(this.#rows[bucket]!++ / this.#rowsMax);
  }

  parts(): PartPlan[] {
    return Array.from(this.#rows).flatMap((rows, bucket) =>
      Array.from({ length: Math.ceil(rows / this.#rowsMax) }, (_, part) => ({
        bucket,
        part,
        rows: Math.min(this.#rowsMax, rows - part * this.#rowsMax),
      })),
    );
  }
}

/** Writes the keys and moments of one group's rows to the parts that they belong to: per row a float64, a length and the key in UTF-8. */
export class SpoolWriter {
  readonly #work: string;
  readonly #group: number;
  readonly #counter: PartCounter;
  readonly #open: { part: number; buffer: Buffer; at: number }[];

  constructor(work: string, group: number, rowsMax: number) {
    this.#work = work;
    this.#group = group;
    this.#counter = new PartCounter(rowsMax);
    this.#open = Array.from({ length: KEY_BUCKETS }, () => ({ part: 0, buffer: Buffer.alloc(0), at: 0 }));
  }

  async add(key: string | null, asOf: number): Promise<void> {
    const bucket = bucketOf(key);
    const part = this.#counter.next(bucket);
    const open = this.#open[bucket]!;
    const bytes = key === null ? 0 : Buffer.byteLength(key);
    if (part !== open.part || open.at + HEAD_BYTES + bytes > open.buffer.length) await this.#flush(bucket, part, bytes);
    let at = open.buffer.writeDoubleLE(asOf, open.at);
    at = open.buffer.writeUInt32LE(key === null ? NO_KEY_LENGTH : bytes, at);
    if (key !== null) at += open.buffer.write(key, at);
    open.at = at;
  }

  /** Writes what is left. @returns the parts that there are */
  async close(): Promise<PartPlan[]> {
    for (let bucket = 0; bucket < KEY_BUCKETS; bucket++) await this.#flush(bucket, 0, 0);
    return this.#counter.parts();
  }

  async #flush(bucket: number, nextPart: number, bytesWanted: number): Promise<void> {
    const open = this.#open[bucket]!;
    if (open.at > 0) await appendFile(partFile(this.#work, this.#group, { bucket, part: open.part }), open.buffer.subarray(0, open.at));
    open.part = nextPart;
    open.at = 0;
    const wanted = Math.max(BUFFER_BYTES, HEAD_BYTES + bytesWanted);
    if (open.buffer.length < wanted) open.buffer = Buffer.allocUnsafe(wanted);
  }
}

/** Adds a part's rows to a chunk, in the order of the spine. */
export async function readPart(work: string, group: number, part: PartPlan, builder: ChunkBuilder): Promise<void> {
  const bytes = await readFile(partFile(work, group, part));
  for (let at = 0; at < bytes.length; ) {
    const asOf = bytes.readDoubleLE(at);
    const length = bytes.readUInt32LE(at + 8);
    at += HEAD_BYTES;
    if (length === NO_KEY_LENGTH) builder.add(null, asOf);
    else {
      builder.add(bytes.toString('utf8', at, at + length), asOf);
      at += length;
    }
  }
}
