import { connect, type Socket } from 'node:net';
import type { LoadConnection } from './load-connection.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const READ_BYTES = 65_536;
const STATUS_AT = 'HTTP/1.1 '.length;

/** The bytes of a request, made once. */
export function encodeRequest(url: URL, headers: Readonly<Record<string, string>>, body: string | Uint8Array): Buffer {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const fields = { host: url.host, 'content-type': 'application/json', ...headers, 'content-length': String(bytes.length) };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`POST ${url.pathname} HTTP/1.1\r\n${lines.join('')}\r\n`), bytes]);
}

/**
 * A connection with one request in flight. It reads of an answer its status and where it ends, no more: a generator that
 * does the work of an HTTP client would be slower than the servers that it measures.
 */
export class HttpConnection implements LoadConnection {
  readonly #socket: Socket;
  readonly #onAnswer: (status: number) => void;
  #waiting = false;
  /** What came of an answer that is not whole. */
  #partial: Buffer = Buffer.alloc(0);

  /** @param onAnswer status of each request that was sent; 0 where the connection was lost over it */
  constructor(url: URL, onAnswer: (status: number) => void, onClosed: () => void) {
    this.#onAnswer = onAnswer;
    const read = (bytes: number, buffer: Uint8Array): boolean => {
      this.#read(buffer as Buffer, bytes);
      return true;
    };
    this.#socket = connect({ host: url.hostname, port: Number(url.port), noDelay: true, onread: { buffer: Buffer.alloc(READ_BYTES), callback: read } });
    this.#socket.on('error', () => undefined);
    this.#socket.once('close', () => {
      onClosed();
      this.#answered(0);
    });
  }

  send(request: Uint8Array): void {
    this.#waiting = true;
    this.#socket.write(request);
  }

  close(): void {
    this.#waiting = false;
    this.#socket.destroy();
  }

  #answered(status: number): void {
    if (!this.#waiting) return;
    this.#waiting = false;
    this.#onAnswer(status);
  }

  #read(buffer: Buffer, bytes: number): void {
    const fresh = buffer.subarray(0, bytes);
    const all = this.#partial.length === 0 ? fresh : Buffer.concat([this.#partial, fresh]);
    if (!isWhole(all)) {
      this.#partial = all === fresh ? Buffer.from(fresh) : all;
      return;
    }
    if (this.#partial.length > 0) this.#partial = Buffer.alloc(0);
    this.#answered(Number(all.toString('latin1', STATUS_AT, STATUS_AT + 3)));
  }
}

function isWhole(bytes: Buffer): boolean {
  const headEnd = bytes.indexOf(HEAD_END);
  if (headEnd < 0) return false;
  const length = /content-length: *(\d+)/i.exec(bytes.toString('latin1', 0, headEnd))?.[1];
  if (length === undefined) return bytes.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK);
  return bytes.length >= headEnd + HEAD_END.length + Number(length);
}
