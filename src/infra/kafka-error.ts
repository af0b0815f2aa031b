import kafkajs from 'kafkajs';
import { isMillraceError, messageOf, MillraceError } from '../core/millrace-error.ts';

// Spread into the exports of a CommonJS module: Node finds no such name to import.
const { KafkaJSError } = kafkajs;

export function translateKafkaError(error: unknown, doing: string): Error {
  if (isMillraceError(error)) return error;
  return !(error instanceof KafkaJSError) || isPassing(error)
    ? new MillraceError(
        'STREAM_UNAVAILABLE',
        `Kafka did not answer while ${doing}: ${messageOf(error)}. Check that it runs and that MILLRACE_KAFKA_BROKERS is right.`,
        { cause: error },
      )
    : new MillraceError('STREAM_REFUSED', `Kafka refused ${doing}: ${messageOf(error)}.`, { cause: error });
}

/**
 * The library wraps what one of its own retries gave up on as an error that no retry helps: only the innermost says
 * whether Kafka refused something or was away.
 */
function isPassing(error: unknown): boolean {
  if (!(error instanceof KafkaJSError)) return false;
  return error.retriable || error.name === 'KafkaJSNumberOfRetriesExceeded' || isPassing(error.cause);
}
