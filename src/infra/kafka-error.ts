import kafkajs from 'kafkajs';
import { isMillraceError, messageOf, MillraceError } from '../core/millrace-error.ts';

// Spread into the exports of a CommonJS module: Node finds no such name to import.
const { KafkaJSError } = kafkajs;

export function translateKafkaError(error: unknown, doing: string): Error {
  if (isMillraceError(error)) return error;
  const retriable = !(error instanceof KafkaJSError) || error.retriable || error.name === 'KafkaJSNumberOfRetriesExceeded';
  return retriable
    ? new MillraceError(
        'STREAM_UNAVAILABLE',
        `Kafka did not answer while ${doing}: ${messageOf(error)}. Check that it runs and that MILLRACE_KAFKA_BROKERS is right.`,
        { cause: error },
      )
    : new MillraceError('STREAM_REFUSED', `Kafka refused ${doing}: ${messageOf(error)}.`, { cause: error });
}
