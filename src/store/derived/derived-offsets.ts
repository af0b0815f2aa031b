import { MillraceError } from '../../core/millrace-error.ts';
import { derivationOf, withInputs } from '../../define/derivation.ts';
import type { Source } from '../../define/source.ts';
import type { SourceOffset } from '../wait-visible.ts';
import { awaitPositions, type AwaitLogDeps } from './await-log.ts';
import { readDerivePositions } from './derive-positions.ts';

/**
 * The offsets, and those of the events that are derived of theirs: what a caller waits for who wants to read its events
 * in the views of derived sources too. Waits until they are derived; other events may be among those that it names.
 * @throws MillraceError STORE_NOT_VISIBLE after `timeoutMs`
 */
export async function withDerivedOffsets(
  deps: AwaitLogDeps,
  sources: readonly Source[],
  offsets: readonly SourceOffset[],
  timeoutMs: number,
): Promise<SourceOffset[]> {
  const deadline = performance.now() + timeoutMs;
  const all = [...offsets];
  for (const source of withInputs(sources)) {
    const from = derivationOf(source)?.from;
    const wanted = all.filter((offset) => offset.sourceName === from?.name);
    if (from === undefined || wanted.length === 0) continue;
    const ends = new Map<number, number>();
    for (const { partition, offset } of wanted) {
      ends.set(partition, Math.max(ends.get(partition) ?? 0, offset + 1));
    }
    const read = () => readDerivePositions(deps.postgres, source.name);
    if (!(await awaitPositions(read, ends, deadline, new AbortController().signal))) {
      throw new MillraceError(
        'STORE_NOT_VISIBLE',
        `Source '${source.name}' has not derived the events of source '${from.name}' up to ${wanted.map((o) => `${o.partition}:${o.offset}`).join(', ')} within ${timeoutMs} ms. Check that the stream worker runs ('millrace status').`,
      );
    }
    const topic = deps.names.sourceTopic(source.name);
    for (const { partition, end } of await deps.kafka.topicOffsets(topic)) {
      if (end > 0) all.push({ sourceName: source.name, partition, offset: end - 1 });
    }
  }
  return all;
}
