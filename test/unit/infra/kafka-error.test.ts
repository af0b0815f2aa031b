import kafkajs from 'kafkajs';
import { describe, expect, it } from 'vitest';
import { refusesMessages, translateKafkaError } from '../../../src/infra/kafka-error.ts';

/** As the library itself makes them, which its types do not tell. */
type Make = new (message: string | Error, details?: object) => Error;
const {
  KafkaJSConnectionClosedError,
  KafkaJSNonRetriableError,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSProtocolError,
  KafkaJSSASLAuthenticationError,
} = kafkajs as unknown as Record<
  | 'KafkaJSConnectionClosedError'
  | 'KafkaJSNonRetriableError'
  | 'KafkaJSNumberOfRetriesExceeded'
  | 'KafkaJSProtocolError'
  | 'KafkaJSSASLAuthenticationError',
  Make
>;

const closed = new KafkaJSConnectionClosedError('Closed connection', { host: '127.0.0.1', port: 9092 });
const tooLarge = new KafkaJSProtocolError(
  Object.assign(new Error('too large'), { retriable: false, type: 'MESSAGE_TOO_LARGE', code: 10 }),
);

const denied = new KafkaJSProtocolError(
  Object.assign(new Error('denied'), { retriable: false, type: 'TOPIC_AUTHORIZATION_FAILED', code: 29 }),
);

describe('an error of Kafka', () => {
  it.each([
    ['a closed connection', closed],
    [
      'retries that were used up',
      new KafkaJSNumberOfRetriesExceeded(closed, { retryCount: 5, retryTime: 100 }),
    ],
    [
      'a closed connection that one retry inside of another gave up on',
      new KafkaJSNonRetriableError(closed, { cause: closed }),
    ],
    [
      'retries that were used up inside of another retry',
      new KafkaJSNonRetriableError('Closed connection', {
        cause: new KafkaJSNumberOfRetriesExceeded(closed, { retryCount: 5, retryTime: 100 }),
      }),
    ],
    ['a broker that went away while it was told who we are', new KafkaJSSASLAuthenticationError('SASL PLAIN authentication failed: Closed connection')],
    [
      'the same, wrapped by a retry',
      new KafkaJSNonRetriableError('x', { cause: new KafkaJSSASLAuthenticationError('SASL PLAIN authentication failed: Request SaslAuthenticate(key: 36, version: 1) timed out') }),
    ],
    ['an error of the network', Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })],
  ])('says that Kafka is away: %s', (_what, error) => {
    expect(translateKafkaError(error, 'sending')).toMatchObject({
      code: 'STREAM_UNAVAILABLE',
      retryable: true,
    });
  });

  it.each([
    ['a message that is too large', tooLarge],
    ['the same, wrapped by a retry', new KafkaJSNonRetriableError(tooLarge, { cause: tooLarge })],
    ['a bug, wrapped by a retry', new KafkaJSNonRetriableError('x', { cause: new TypeError('x') })],
    ['a wrong password', new KafkaJSSASLAuthenticationError('SASL PLAIN authentication failed: Authentication failed: Invalid username or password')],
  ])('says that Kafka refused: %s', (_what, error) => {
    expect(translateKafkaError(error, 'sending')).toMatchObject({ code: 'STREAM_REFUSED', retryable: false });
  });

  it.each([
    ['a message that is too large', tooLarge, true],
    ['the same, wrapped by a retry', new KafkaJSNonRetriableError(tooLarge, { cause: tooLarge }), true],
    ['a topic that may not be written', denied, false],
    ['a closed connection', closed, false],
    ['an error of the network', new Error('connect'), false],
  ])('tells whether the messages themselves were refused: %s', (_what, error, expected) => {
    expect(refusesMessages(translateKafkaError(error, 'sending'))).toBe(expected);
    expect(refusesMessages(error)).toBe(expected);
  });
});
