import { describe, expect, it } from 'vitest';
import { createNames } from '../../../src/contracts/names.ts';
import { derivedSource } from '../../../src/define/derived-source.ts';
import { source, type Source } from '../../../src/define/source.ts';
import { string, timestamp } from '../../../src/define/field.ts';
import { EventAcceptor } from '../../../src/stream/accept-events.ts';
import { createMessageParser, KNOWN_TIME_HEADER, parseMessage } from '../../../src/stream/parse-message.ts';
import { TIMESTAMP_MS_MIN } from '../../../src/store/copy-binary.ts';

const NOW = Date.UTC(2026, 0, 1);
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const orderOf = (clockSkew: '0s' | '2h') =>
  source({ name: 'orders', schema: { orderId: string(), at: timestamp() }, id: 'orderId', eventTime: 'at', knownTime: 'carried', clockSkew });
const orders = orderOf('2h');
const strict = orderOf('0s');
const derived = derivedSource({ name: 'derived_orders', from: orders, carry: ['orderId', 'at'], attach: () => ({}) });

/** What ingest makes of an event that happened long ago and came to the broker at NOW. */
function ingest(of: Source, known: number) {
  const value = Buffer.from(JSON.stringify({ orderId: 'o', at: 0 }));
  const found = parseMessage(createMessageParser(of), 0, { offset: 0, timestamp: NOW, key: null, value, headers: { [KNOWN_TIME_HEADER]: String(known) } });
  return 'event' in found ? found.event.knownTime : found.refusal;
}

describe('a carried known time', () => {
  it.each([
    ['long ago', orders, -50 * 365 * 24 * HOUR_MS],
    ['as far ahead as the clock skew', orders, 2 * HOUR_MS],
    ['as far ahead as clocks differ, where the skew is less', strict, 5 * MINUTE_MS],
    ['of a derived event, which has that of its original', derived, 3 * HOUR_MS],
  ])('%s is taken', (_, of, ahead) => {
    expect(ingest(of, NOW + ahead)).toBe(NOW + ahead);
  });

  it.each([
    ['clock skew', orders, 2 * HOUR_MS + 1],
    ['difference of clocks', strict, 5 * MINUTE_MS + 1],
    ['years, as microseconds do', orders, 999 * NOW],
  ])('further ahead than the %s is a dead letter, known when it came', (_, of, ahead) => {
    const message = expect.stringContaining(`lies ${ahead} ms after the broker's append time`) as string;
    expect(ingest(of, NOW + ahead)).toMatchObject({ code: 'STREAM_EVENT_INVALID', knownTime: NOW, message });
  });
});

describe('the known time of a request', () => {
  const acceptor = new EventAcceptor(orders, createNames('test'));

  it.each([
    ['2013-06-01T09:30:00Z', Date.UTC(2013, 5, 1, 9, 30)],
    ['2013-06-01T09:30:00.5+02:00', Date.UTC(2013, 5, 1, 7, 30, 0, 500)],
    ['-1', -1],
    [String(TIMESTAMP_MS_MIN), TIMESTAMP_MS_MIN],
    [String(NOW + 2 * HOUR_MS), NOW + 2 * HOUR_MS],
  ])('%s is taken', (header, known) => {
    expect(acceptor.knownTimeOf(header, NOW)).toBe(known);
  });

  it.each(['hello 7', 'order 12', '2013-06-01 09:30', '2013-06-01', 'June 2013', '2013-02-30T00:00:00Z', '1e12', '', String(TIMESTAMP_MS_MIN - 1), String(NOW + 2 * HOUR_MS + 1), '9000000000000000'])(
    "'%s' is refused",
    (header) => {
      expect(() => acceptor.knownTimeOf(header, NOW)).toThrowError(expect.objectContaining({ code: 'REQUEST_INVALID' }) as Error);
    },
  );
});
