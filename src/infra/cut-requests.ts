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
  /** Of each partition: the request that it is in, and its bytes there. */
  const filled = new Map<string, { request: number; bytes: number }>();
  for (const message of messages) {
    const slot = `${message.topic}/${message.partition}`;
    const bytes = bytesOf(message);
    const at = filled.get(slot) ?? { request: 0, bytes: 0 };
    const fits = at.bytes === 0 || at.bytes + bytes <= PARTITION_BYTES_MAX;
    const next = fits ? { request: at.request, bytes: at.bytes + bytes } : { request: at.request + 1, bytes };
    filled.set(slot, next);
    (requests[next.request] ??= []).push(message);
  }
  return requests;
}

function bytesOf({ key, value, headers = {} }: OutgoingMessage): number {
  const inHeaders = Object.entries(headers).reduce((sum, [name, text]) => sum + name.length + Buffer.byteLength(text), 0);
  return OVERHEAD_BYTES + Buffer.byteLength(key ?? '') + Buffer.byteLength(value ?? '') + inHeaders;
}
