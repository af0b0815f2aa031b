import { Client, credentials } from '@grpc/grpc-js';
import type { LoadConnection } from './load-connection.ts';

/** A URL of it names address and method: `grpc://host:port/package.Service/Method`. */
export const GRPC_SCHEME = 'grpc:';
const OK = 200;
const FAILED = 500;

const unchanged = (bytes: Buffer): Buffer => bytes;

/** A channel of its own with one call in flight. Messages are sent and taken as bytes. */
export class GrpcConnection implements LoadConnection {
  readonly #client: Client;
  readonly #method: string;
  readonly #onAnswer: (status: number) => void;
  #closed = false;

  constructor(url: URL, onAnswer: (status: number) => void) {
    // Channels to one address would share a connection otherwise.
    this.#client = new Client(url.host, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
    this.#method = url.pathname;
    this.#onAnswer = onAnswer;
  }

  send(request: Uint8Array): void {
    this.#client.makeUnaryRequest(this.#method, unchanged, unchanged, request as Buffer, (error) => {
      if (!this.#closed) this.#onAnswer(error === null ? OK : FAILED);
    });
  }

  close(): void {
    this.#closed = true;
    this.#client.close();
  }
}
