import { START_MS } from '../../property/fold/history-arbitrary.ts';

/** One message as a sender gave it to the source's topic. */
export interface Delivery {
  /** Within its history. */
  readonly sourcePartition: number;
  readonly knownTime: number;
  readonly payload: Payload;
}

export type Payload = Readonly<Record<string, unknown>>;

/** A fresh event: its fields without id and times, when it happened (ms after the start of its history) and how much later it was known. */
export interface Fresh {
  readonly fresh: Payload;
  readonly at: number;
  readonly delay: number;
}

/** One of the deliveries before, again. */
export interface Again {
  readonly again: number;
  readonly laterMs: number;
}

/** Where a history's events lie: their partitions in turn, and how far they are moved into the past. */
export interface Place {
  readonly partitions: readonly number[];
  readonly moved: number;
}

/** The whole row or event of what was drawn. */
export function rowOf(
  { fresh, at }: Pick<Fresh, 'fresh' | 'at'>,
  id: string,
  moved: number,
): Payload & { readonly at: number } {
  const paidAt = fresh['paidAt'];
  const timestamps = typeof paidAt === 'number' ? { paidAt: paidAt - moved } : {};
  return { ...fresh, ...timestamps, id, at: START_MS + at - moved };
}
