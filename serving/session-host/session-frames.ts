/** What a frame between the serving process and a session's process says. */
export const frameKind = {
  /** Parent to child, JSON: the SessionSource. */
  open: 1,
  /** Child to parent, JSON: `{ provider, passedOver }`. */
  opened: 2,
  /** Parent to child: float32 rows. */
  run: 3,
  /** Child to parent: float32 scores; `extra` is the time of the run in microseconds. */
  scores: 4,
  /** Child to parent, JSON: `{ code, message }`. */
  failed: 5,
  /** Parent to child, JSON: the TensorSource. */
  openTensors: 6,
  /** Parent to child: tensors as `encodeTensors` has them. */
  runTensors: 7,
  /** Child to parent: the same; `extra` as of scores. */
  tensors: 8,
} as const;

export interface Frame {
  readonly kind: number;
  readonly id: number;
  readonly extra: number;
  /** Starts at offset 0 of its own buffer, so that it can be viewed as float32. */
  readonly payload: Uint8Array;
}

/** Four little-endian uint32: kind, id, extra, length of the payload in bytes. */
const HEADER_BYTES = 16;
const PAYLOAD_BYTES_MAX = 256 * 1024 * 1024;

export function frameHeader(kind: number, id: number, extra: number, payloadBytes: number): Buffer {
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeUInt32LE(kind, 0);
  header.writeUInt32LE(id, 4);
  header.writeUInt32LE(extra, 8);
  header.writeUInt32LE(payloadBytes, 12);
  return header;
}

export const asFloats = (payload: Uint8Array): Float32Array =>
  new Float32Array(payload.buffer as ArrayBuffer, payload.byteOffset, payload.byteLength / Float32Array.BYTES_PER_ELEMENT);

export const asBytes = (floats: Float32Array): Uint8Array =>
  new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);

/** Cuts a byte stream into frames. Each payload gets a buffer of its own. */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void;
  readonly #header = Buffer.allocUnsafe(HEADER_BYTES);
  #headerBytes = 0;
  #payload: Uint8Array | null = null;
  #payloadBytes = 0;

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length || this.#isComplete()) {
      if (this.#payload === null) at = this.#readHeader(chunk, at);
      else at = this.#readPayload(this.#payload, chunk, at);
    }
  }

  #readHeader(chunk: Uint8Array, at: number): number {
    const count = Math.min(HEADER_BYTES - this.#headerBytes, chunk.length - at);
    this.#header.set(chunk.subarray(at, at + count), this.#headerBytes);
    this.#headerBytes += count;
    if (this.#headerBytes === HEADER_BYTES) {
      const length = this.#header.readUInt32LE(12);
      if (length > PAYLOAD_BYTES_MAX) throw new RangeError(`a frame of ${length} bytes exceeds ${PAYLOAD_BYTES_MAX}`);
      this.#payload = new Uint8Array(length);
      this.#payloadBytes = 0;
    }
    return at + count;
  }

  #readPayload(payload: Uint8Array, chunk: Uint8Array, at: number): number {
    const count = Math.min(payload.length - this.#payloadBytes, chunk.length - at);
    payload.set(chunk.subarray(at, at + count), this.#payloadBytes);
    this.#payloadBytes += count;
    if (this.#isComplete()) {
      this.#payload = null;
      this.#headerBytes = 0;
      this.#onFrame({
        kind: this.#header.readUInt32LE(0),
        id: this.#header.readUInt32LE(4),
        extra: this.#header.readUInt32LE(8),
        payload,
      });
    }
    return at + count;
  }

  #isComplete(): boolean {
    return this.#payload !== null && this.#payloadBytes === this.#payload.length;
  }
}
