import { pino, type Logger } from 'pino';

export type { Logger };

/** Structured log of one process, one JSON object a line on standard output. */
export function createLogger(name: string, level: string): Logger {
  return pino({ name, level, timestamp: pino.stdTimeFunctions.isoTime });
}
