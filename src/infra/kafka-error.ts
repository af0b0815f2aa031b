import kafkajs from 'kafkajs';
import { isMillraceError, messageOf, MillraceError } from '../core/millrace-error.ts';

// Spread into the exports of a CommonJS module: Node finds no such name to import.
const { KafkaJSError } = kafkajs;

export function translateKafkaError(error: unknown, doing: string): Error {
  if (isMillraceError(error)) return error;
  const refusal = refusedCredentials(error);
  if (refusal !== undefined) {
    return new MillraceError(
      'STREAM_REFUSED',
      `Kafka refused the credentials while ${doing}: ${messageOf(refusal)}. Check MILLRACE_KAFKA_SASL_MECHANISM, MILLRACE_KAFKA_SASL_USERNAME and the file of MILLRACE_KAFKA_SASL_PASSWORD_FILE.`,
      { cause: error },
    );
  }
  return !(error instanceof KafkaJSError) || isPassing(error)
    ? new MillraceError(
        'STREAM_UNAVAILABLE',
        `Kafka did not answer while ${doing}: ${messageOf(error)}. Check that it runs and that MILLRACE_KAFKA_BROKERS is right, and MILLRACE_KAFKA_TLS with what goes with it.`,
        { cause: error },
      )
    : new MillraceError('STREAM_REFUSED', `Kafka refused ${doing}: ${messageOf(error)}.`, { cause: error });
}

const AUTHENTICATION_ERROR = 'KafkaJSSASLAuthenticationError';

/** The error in which a broker said no to who we are, where that is what lies under it all. */
function refusedCredentials(error: unknown): Error | undefined {
  if (!(error instanceof KafkaJSError)) return undefined;
  return error.name === AUTHENTICATION_ERROR && !isInterrupted(error) ? error : refusedCredentials(error.cause);
}

/** The library says of a connection that broke in between, too, that authentication failed: only its text tells. */
const isInterrupted = ({ message }: Error): boolean => /closed connection|connection (closed|error|timeout)|timed out|not connected/i.test(message);

/** Types of the protocol's errors that say what is wrong with one message, or with how much was sent at once. */
const ofMessages: ReadonlySet<string | undefined> = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE', 'INVALID_RECORD']);

/** Whether Kafka refused what was sent for what it is: any other refusal, such as one of authorization, meets all messages until somebody mends it. */
export function refusesMessages(error: unknown): boolean {
  if (isMillraceError(error)) return error instanceof Error && refusesMessages(error.cause);
  if (!(error instanceof KafkaJSError)) return false;
  return ofMessages.has((error as { readonly type?: string }).type) || refusesMessages(error.cause);
}

/**
 * The library wraps what one of its own retries gave up on as an error that no retry helps: only the innermost says
 * whether Kafka refused something or was away.
 */
function isPassing(error: unknown): boolean {
  if (!(error instanceof KafkaJSError)) return false;
  if (error.name === AUTHENTICATION_ERROR) return isInterrupted(error);
  return error.retriable || error.name === 'KafkaJSNumberOfRetriesExceeded' || isPassing(error.cause);
}
