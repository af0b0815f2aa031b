import { STATUS_CODES } from 'node:http';

export interface LaneAnswer {
  readonly requestId: string;
  readonly status: number;
  /** Names in lower case; without those that every answer has. */
  readonly headers: Readonly<Record<string, string | number>>;
  readonly body: Uint8Array;
}

const MS_PER_SECOND = 1_000;
let dateOf = 0;
let dateText = '';

/** An answer with the fields that node's server gives one. @param keepAliveMs undefined where the connection ends with it */
export function printAnswer({ requestId, status, headers, body }: LaneAnswer, keepAliveMs: number | undefined): Buffer {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nx-request-id: ${requestId}\r\n`;
  for (const name in headers) head += `${name}: ${headers[name]}\r\n`;
  head += `content-length: ${body.length}\r\nDate: ${dateNow()}\r\n`;
  head += keepAliveMs === undefined ? 'Connection: close\r\n\r\n' : `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveMs / MS_PER_SECOND)}\r\n\r\n`;
  const bytes = Buffer.allocUnsafe(head.length + body.length);
  bytes.write(head, 'latin1');
  bytes.set(body, head.length);
  return bytes;
}

/** Made once a second. */
function dateNow(): string {
  const second = Math.floor(Date.now() / MS_PER_SECOND);
  if (second !== dateOf) {
    dateOf = second;
    dateText = new Date(second * MS_PER_SECOND).toUTCString();
  }
  return dateText;
}
