import { Counter, type Registry } from '../metrics.ts';

export type AccessRefusals = ReturnType<typeof countAccessRefusals>;

/** Counts what access control refuses in one process. */
export const countAccessRefusals = (registry: Registry) =>
  new Counter({
    name: 'millrace_access_refusals_total',
    help: 'Requests that access control refused, by reason and transport.',
    labelNames: ['reason', 'transport'] as const,
    registers: [registry],
  });
