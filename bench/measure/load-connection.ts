import { encodeRequest, HttpConnection } from './http-connection.ts';
import { GRPC_SCHEME, GrpcConnection } from './grpc-connection.ts';

/** A connection with one request in flight. */
export interface LoadConnection {
  send(request: Uint8Array): void;
  close(): void;
}

/** @param onAnswer status of each request that was sent, as HTTP has them; 0 where the connection was lost over it */
export function openConnection(url: URL, onAnswer: (status: number) => void, onClosed: () => void): LoadConnection {
  return url.protocol === GRPC_SCHEME ? new GrpcConnection(url, onAnswer) : new HttpConnection(url, onAnswer, onClosed);
}

/** The bytes of a request, made once. */
export function encodeFor(url: URL, headers: Readonly<Record<string, string>>, body: string | Uint8Array): Buffer {
  return url.protocol === GRPC_SCHEME ? Buffer.from(body) : encodeRequest(url, headers, body);
}
