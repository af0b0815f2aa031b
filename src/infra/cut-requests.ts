import type { OutgoingMessage } from './outgoing-message.ts';

/** Bytes of one partition in one request: a broker takes 1 MiB there unless its topic says otherwise. */
export const PARTITION_BYTES_MAX = 900 * 1_024;
/** Of a message, beside what is in it. */
const OVERHEAD_BYTES = 128;

/**
 * Spreads messages over requests, so that no partition gets more in one than a broker takes: the driver makes one record batch of
 * all that a request has for a partition. A message that is larger than that goes alone. Messages of a partition keep their order
 * over the requests.
 */
export function cutRequests(messages: readonly OutgoingMessage[]): OutgoingMessage[][] {
  const requests: OutgoingMessage[][] = [];
  const byTopic = new Map<string, Map<number, Filled>>();
  for (const message of messages) {
    let filled = byTopic.get(message.topic);
    if (filled === undefined) byTopic.set(message.topic, (filled = new Map<number, Filled>()));
    let at = filled.get(message.partition);
    if (at === undefined) filled.set(message.partition, (at = { request: 0, bytes: 0 }));
    const bytes = bytesOf(message);
    if (at.bytes > 0 && at.bytes + bytes > PARTITION_BYTES_MAX) {
      at.request += 1;
      at.bytes = 0;
    }
    at.bytes += bytes;
    (requests[at.request] ??= []).push(message);
  }
  return requests;
}

/** The request that a partition's messages go to, and their bytes there. */
interface Filled {
  request: number;
  bytes: number;
}

function bytesOf({ key, value, headers }: OutgoingMessage): number {
  let bytes = OVERHEAD_BYTES + Buffer.byteLength(key ?? '') + Buffer.byteLength(value ?? '');
  for (const name in headers) bytes += name.length + Buffer.byteLength(headers[name]!);
  return bytes;
}
