import kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../../src/contracts/decision.ts';
import { MillraceError } from '../../../../src/core/millrace-error.ts';
import { translateKafkaError } from '../../../../src/infra/kafka-error.ts';
import { createLogger } from '../../../../src/infra/logger.ts';
import { decodeDecision, type EncodedDecision } from '../../../../src/store/decision-frame.ts';
import { DecisionLog, type DecisionLogOptions } from '../../../../serving/decisions/decision-log.ts';
import { createDecisionId } from '../../../../serving/decisions/decision-id.ts';
import { loggedDecision } from '../../../support/serving/decision.ts';

const { KafkaJSProtocolError } = kafkajs as unknown as Record<'KafkaJSProtocolError', new (error: Error) => Error>;
const refusal = (type: string) =>
  translateKafkaError(new KafkaJSProtocolError(Object.assign(new Error(type), { retriable: false, type })), 'sending');

const unavailable = () => new MillraceError('STREAM_UNAVAILABLE', 'away');

/** A log whose broker is `up` or not; `stored` holds the ids that it took, by call. */
function setUp(over: Partial<DecisionLogOptions> = {}, refuses: (decision: Decision) => boolean = () => false) {
  const broker = { up: true };
  const stored: string[][] = [];
  const counts = { stored: 0, dropped: 0 };
  const log = new DecisionLog({
    openSender: () =>
      Promise.resolve({
        send: async (batch) => {
          if (!broker.up) throw unavailable();
          const decisions = batch.map(decodeDecision);
          if (decisions.some(refuses)) throw refusal('MESSAGE_TOO_LARGE');
          await new Promise((resolve) => setTimeout(resolve, 1));
          stored.push(decisions.map(({ id }) => id));
        },
        close: () => Promise.resolve(),
      }),
    waitingMax: 5,
    recentMax: 3,
    whenFull: 'refuse',
    onStored: (count) => (counts.stored += count),
    onDropped: (count) => (counts.dropped += count),
    logger: createLogger('test', 'silent'),
    ...over,
  });
  const add = (id: string, text = '') => {
    log.reserve(1);
    log.commit(...loggedDecision(id, { text }));
  };
  return { broker, stored, counts, log, add };
}

describe('the decision log', () => {
  it('stores decisions in order, in batches', async () => {
    const { log, add, stored, counts } = setUp({ waitingMax: 2_000 });
    const ids = Array.from({ length: 1_200 }, (_, i) => `d${i}`);
    for (const id of ids) add(id);
    await log.drain(1_000);
    expect(stored.flat()).toEqual(ids);
    expect(stored.length).toBeLessThan(10);
    expect(counts).toEqual({ stored: 1_200, dropped: 0 });
  });

  it('keeps a batch within what a broker takes', async () => {
    const { log, add, stored } = setUp();
    for (const id of ['a', 'b', 'c']) add(id, 'x'.repeat(300_000));
    await log.drain(1_000);
    expect(stored).toEqual([['a'], ['b'], ['c']]);
  });

  it('refuses predictions while the broker is away and the buffer is full, and loses none of those it took', async () => {
    const { log, add, broker, stored, counts } = setUp();
    broker.up = false;
    for (const id of ['a', 'b', 'c', 'd', 'e']) add(id);
    expect(() => log.reserve(1)).toThrowError(expect.objectContaining({ code: 'SERVING_DECISION_LOG_FULL' }) as Error);
    await new Promise((resolve) => setTimeout(resolve, 30));
    broker.up = true;
    await expect.poll(() => stored.flat(), { timeout: 5_000 }).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(counts.dropped).toBe(0);
    log.reserve(1);
  });

  it('counts what it drops where it was told to answer without storing', async () => {
    const { log, add, broker, stored, counts } = setUp({ whenFull: 'count' });
    broker.up = false;
    for (let i = 0; i < 8; i++) add(`d${i}`);
    expect(counts.dropped).toBe(3);
    broker.up = true;
    await expect.poll(() => stored.flat().length, { timeout: 5_000 }).toBe(5);
    await log.drain(100);
  });

  it('drops and counts the one decision that the broker will never take, and stores the others', async () => {
    const { log, add, stored, counts } = setUp({}, ({ instance }) => instance['text'] === 'poison');
    for (const id of ['a', 'b', 'poison', 'd']) add(id, id);
    await log.drain(2_000);
    expect(stored.flat()).toEqual(['a', 'b', 'd']);
    expect(counts).toEqual({ stored: 3, dropped: 1 });
  });

  it.each(['the topic', 'a sender'])('waits where %s is refused to it, drops nothing, and lets no more predictions in than it can hold', async (what) => {
    let isDenied = true;
    const stored: string[] = [];
    const deny = () => {
      if (isDenied) throw refusal('TOPIC_AUTHORIZATION_FAILED');
    };
    const openSender = async () => {
      if (what === 'a sender') deny();
      return {
        send: async (batch: readonly EncodedDecision[]) => {
          deny();
          stored.push(...batch.map(decodeDecision).map(({ id }) => id));
        },
        close: () => Promise.resolve(),
      };
    };
    const { log, add, counts } = setUp({ openSender });
    for (const id of ['a', 'b', 'c', 'd', 'e']) add(id);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(() => log.reserve(1)).toThrowError(expect.objectContaining({ code: 'SERVING_DECISION_LOG_FULL' }) as Error);
    isDenied = false;
    await expect.poll(() => stored, { timeout: 5_000 }).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(counts).toEqual({ stored: 5, dropped: 0 });
  });

  it('uses its memory again without a word of what is still kept', async () => {
    const sent: Decision[] = [];
    let calls = 0;
    const openSender = () =>
      Promise.resolve({
        send: async (batch: readonly EncodedDecision[]) => {
          await new Promise((resolve) => setTimeout(resolve, 1));
          if (++calls % 3 === 0) throw unavailable();
          sent.push(...batch.map(decodeDecision));
        },
        close: () => Promise.resolve(),
      });
    const { log, add } = setUp({ openSender, waitingMax: 20_000, recentMax: 300 });
    const textOf = (n: number): string => String(n).repeat(1 + ((n * 7_919) % 200));
    const COUNT = 6_000;
    for (let n = 0; n < COUNT; n++) {
      add(`d${n}`, textOf(n));
      if (n % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      if (n >= 299) expect(log.recent(`d${n - 299}`)?.instance).toEqual({ text: textOf(n - 299) });
    }
    await log.drain(10_000);
    expect(sent.map(({ id, instance }) => [id, instance['text']])).toEqual(Array.from({ length: COUNT }, (_, n) => [`d${n}`, textOf(n)]));
  });

  it('says how many it could not store before the process ended', async () => {
    const { log, add, broker, counts } = setUp();
    broker.up = false;
    add('a');
    add('b');
    expect(await log.drain(50)).toBe(2);
    expect(counts.dropped).toBe(2);
  });

  it('keeps the newest decisions readable', () => {
    const { log } = setUp();
    for (const id of ['a', 'b', 'c', 'd']) log.remember(...loggedDecision(id));
    expect(log.recent('a')).toBeUndefined();
    log.remember(...loggedDecision('b', { shadow: { version: 2, score: 0.1 } }));
    expect(log.recent('b')?.shadow?.version).toBe(2);
  });
});

it('makes ids that sort by time and are UUIDs of version 7', () => {
  const ids = [1, 1_700_000_000_000, 1_700_000_000_001].map(createDecisionId);
  expect(ids.toSorted()).toEqual(ids);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
