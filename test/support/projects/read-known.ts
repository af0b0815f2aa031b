import { viewKeyOf, type ViewProgram } from '../../../src/fold/compile-view.ts';
import { readChunk } from '../../../src/store/as-of/read-chunk.ts';
import { ChunkBuilder } from '../../../src/store/as-of/view-groups.ts';
import type { LoggedEvent } from '../../../src/store/offline-log.ts';
import { streamedAsOf } from '../fold/streamed-as-of.ts';
import { memoryEvents } from '../store/memory-events.ts';
import type { KnownRead } from './project-case.ts';

const KEY_SEPARATOR = '\u001f';

/** What was known at each moment: by the fold over events that stream by, and as training sets and files are read. */
export async function readKnown(
  program: ViewProgram,
  events: readonly LoggedEvent[],
  reads: readonly KnownRead[],
): Promise<{ form: string; values: Float64Array[] }[]> {
  const width = program.featureNames.length;
  const keys = reads.map(({ key }) => key.join(KEY_SEPARATOR));
  const rowsOf = (out: Float64Array): Float64Array[] =>
    reads.map((_, row) => out.subarray(row * width, (row + 1) * width));
  const streamed = streamedAsOf(program, events, { keys, asOf: Float64Array.from(reads, ({ asOf }) => asOf) });
  const builder = new ChunkBuilder();
  reads.forEach(({ asOf }, row) => builder.add(keys[row]!, asOf));
  const keyed = events.flatMap((event) => {
    const key = viewKeyOf(program, event.row);
    return key === null ? [] : [{ ...event, key }];
  });
  const [read] = await readChunk(memoryEvents(keyed), [program], builder.build(), {
    mode: 'known',
    dataCut: Number.MAX_SAFE_INTEGER,
  });
  return [
    { form: 'as of', values: rowsOf(streamed.values) },
    { form: 'in a chunk', values: rowsOf(read!.values) },
  ];
}
