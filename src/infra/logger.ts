import { trace } from '@opentelemetry/api';
import { pino, type Logger } from 'pino';

export type { Logger };

/** Structured log of one process, one JSON object a line on standard output. Within a traced activity each has its trace. */
export function createLogger(name: string, level: string): Logger {
  return pino({ name, level, timestamp: pino.stdTimeFunctions.isoTime, mixin: traceOfActivity });
}

function traceOfActivity(): { readonly traceId?: string } {
  const place = trace.getActiveSpan()?.spanContext();
  return place === undefined ? {} : { traceId: place.traceId };
}
