import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ErrorCode } from '../../src/core/error-table.ts';

interface ConnectionError extends Error {
  readonly code?: string;
}

const CODE: ErrorCode = 'REQUEST_INVALID';
/** A connection that is closed while bytes come loses what was written to it: it has this long to be read. */
const LINGER_MS = 500;

/** Answers bytes that became no request, in the form of all errors, and gives the connection up. */
export function refuseConnection(error: ConnectionError, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed || socket.writableEnded) return;
  const [status, why] = reasonOf(error);
  const body = JSON.stringify({ error: `${why}. The connection was closed.`, code: CODE });
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, 'Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`, 'Connection: close'];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}

function reasonOf({ code, message }: ConnectionError): [status: number, why: string] {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'Headers or body did not come in time'];
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'The headers are longer than this server takes'];
  return [400, `The bytes are not an HTTP request (${message})`];
}
