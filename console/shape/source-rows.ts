import type { Source } from '../../src/define/source.ts';
import type { PartitionOffsets } from '../../src/infra/kafka.ts';
import type { SourceAccount } from '../../src/store/source-accounts.ts';

/** Where the events of one source went; a number is null where its server could not be asked. */
export interface SourceRow {
  readonly source: string;
  readonly knownTime: Source['knownTime'];
  readonly partitions: number;
  /** Messages that its topic ever held. */
  readonly sent: number | null;
  readonly stored: number | null;
  readonly duplicates: number | null;
  readonly deadLetters: number | null;
  readonly beyondWindows: number | null;
  /** Sent and not accounted for: still on the way, or lost. */
  readonly missing: number | null;
  /** Ms since the epoch; null before the first event. */
  readonly newestKnownTime: number | null;
}

export type SourceEnds = ReadonlyMap<string, readonly PartitionOffsets[]>;

/** One row a source of the project, in its order. */
export function sourceRows(
  sources: readonly Source[],
  accounts: readonly SourceAccount[] | null,
  ends: SourceEnds | null,
): SourceRow[] {
  return sources.map(({ name, knownTime, partitions }) => {
    const account = accounts?.find(({ source }) => source === name) ?? null;
    const offsets = ends?.get(name);
    const sent = offsets === undefined ? null : offsets.reduce((total, { end }) => total + end, 0);
    return {
      source: name,
      knownTime,
      partitions,
      sent,
      stored: account?.stored ?? null,
      duplicates: account?.duplicates ?? null,
      deadLetters: account?.deadLetters ?? null,
      beyondWindows: account?.beyondWindows ?? null,
      missing: sent === null || account === null ? null : missingOf(sent, account),
      newestKnownTime: account?.newestKnownTime ?? null,
    };
  });
}

/** The two servers are asked at two moments: more stored than sent is only later than sent. */
const missingOf = (sent: number, { stored, duplicates, deadLetters }: SourceAccount): number =>
  Math.max(0, sent - stored - duplicates - deadLetters);
