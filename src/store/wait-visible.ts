import { MillraceError } from '../core/millrace-error.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import { ABSENT_POSITION, decodePosition, watermarkOf } from './view-position.ts';

/** Offset of a source that a caller waits for. */
export interface SourceOffset {
  readonly sourceName: string;
  readonly partition: number;
  readonly offset: number;
}

type ReadPositionTexts = (
  of: readonly { readonly program: ViewProgram; readonly partition: number }[],
) => Promise<string[]>;

const VISIBLE_POLL_MS = 1;
/** A longer wait is polled more seldom: by this share of the time that it took so far. */
const VISIBLE_POLL_SHARE = 0.05;

/**
 * Polls positions until every partition of every view of each named source has folded it up to the offset.
 * @throws MillraceError STORE_NOT_VISIBLE after `timeoutMs`
 */
export async function waitVisible(
  readPositionTexts: ReadPositionTexts,
  programs: readonly ViewProgram[],
  offsets: readonly SourceOffset[],
  timeoutMs: number,
): Promise<void> {
  let waiting = programs.flatMap((program) => {
    const wanted = offsets.filter((o) => o.sourceName === program.view.source.name);
    if (wanted.length === 0) return [];
    return Array.from({ length: program.partitions }, (_, partition) => ({ program, partition, wanted }));
  });
  const since = performance.now();
  for (;;) {
    const texts = await readPositionTexts(waiting);
    waiting = waiting.filter(({ wanted }, i) => {
      const position = decodePosition(texts[i] ?? ABSENT_POSITION);
      return wanted.some((o) => watermarkOf(position, o.partition) < o.offset);
    });
    const behind = waiting[0];
    if (behind === undefined) return;
    const waitedMs = performance.now() - since;
    if (waitedMs >= timeoutMs) throw notVisible(behind.program, behind.partition, behind.wanted, timeoutMs);
    const pollMs = Math.max(VISIBLE_POLL_MS, waitedMs * VISIBLE_POLL_SHARE);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function notVisible(
  program: ViewProgram,
  partition: number,
  wanted: readonly SourceOffset[],
  timeoutMs: number,
): Error {
  const offsets = wanted.map((o) => `${o.partition}:${o.offset}`).join(', ');
  return new MillraceError(
    'STORE_NOT_VISIBLE',
    `View '${program.name}' version ${program.version}, partition ${partition}, has not folded source '${program.view.source.name}' up to ${offsets} within ${timeoutMs} ms. Check that the stream worker runs ('millrace status').`,
  );
}
