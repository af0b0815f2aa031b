import { rowOf, type Again, type Delivery, type Fresh, type Payload, type Place } from './delivery.ts';

/** A fresh row, a change of one before, or a change before again. */
export type ChangeOrAgain =
  | Fresh
  | Again
  | {
      /** Which of the rows that were ever there. */
      readonly row: number;
      /** Null: it is deleted. A row that is gone comes again. */
      readonly becomes: (Pick<Fresh, 'fresh' | 'at'> & { readonly keeps: string }) | null;
      readonly delay: number;
    };

/** As long as `dedupeWindow` of a source says by default: a change that comes again later would count again. */
const DEDUPE_WINDOW_MS = 86_400_000;

/** A row as it is now, null once it is deleted. */
interface Life {
  readonly id: string;
  readonly sourcePartition: number;
  knownTime: number;
  row: (Payload & { readonly at: number }) | null;
}

/**
 * Changes of rows as change data capture sends them: all of a row in one partition, the later ones known later, and each at or
 * after the time of the rows that it has.
 */
export function changesSent(drawn: readonly ChangeOrAgain[], { partitions, moved }: Place): Delivery[] {
  const lives: Life[] = [];
  const changes: Delivery[] = [];
  const deliveries: Delivery[] = [];
  const send = (life: Life, after: Life['row'], knownTime: number): void => {
    const op = life.row === null ? (changes.length % 5 === 0 ? 'r' : 'c') : after === null ? 'd' : 'u';
    const payload = { id: `c${changes.length}`, op, before: life.row, after };
    Object.assign(life, { row: after, knownTime });
    changes.push({ sourcePartition: life.sourcePartition, knownTime, payload });
    deliveries.push(changes.at(-1) as Delivery);
  };
  drawn.forEach((one, i) => {
    if ('again' in one) {
      const before = changes[one.again % Math.max(1, changes.length)];
      const laterMs = one.laterMs % (DEDUPE_WINDOW_MS + 1);
      if (before !== undefined) deliveries.push({ ...before, knownTime: before.knownTime + laterMs });
    } else if ('fresh' in one) {
      const row = rowOf(one, `r${i}`, moved);
      const sourcePartition = partitions[i % partitions.length] ?? 0;
      const life = { id: `r${i}`, sourcePartition, knownTime: row.at, row: null };
      lives.push(life);
      send(life, row, row.at + Math.max(0, one.delay));
    } else {
      const life = lives[one.row % Math.max(1, lives.length)];
      if (life === undefined || (one.becomes === null && life.row === null)) return;
      const after = one.becomes === null ? null : changed(life, one.becomes, moved);
      send(life, after, Math.max(life.knownTime + Math.max(0, one.delay), after?.at ?? -Infinity));
    }
  });
  return deliveries;
}

function changed(
  { id, row }: Life,
  becomes: Pick<Fresh, 'fresh' | 'at'> & { readonly keeps: string },
  moved: number,
): NonNullable<Life['row']> {
  const after = rowOf(becomes, id, moved);
  if (row === null) return after;
  const isKept = (what: string): boolean => becomes.keeps === what || becomes.keeps === 'both';
  const keyFields = ['card', 'shop', 'country'].filter((name) => name in row);
  return {
    ...after,
    ...(isKept('key') ? Object.fromEntries(keyFields.map((name) => [name, row[name]])) : {}),
    ...(isKept('time') ? { at: row.at } : {}),
  };
}
