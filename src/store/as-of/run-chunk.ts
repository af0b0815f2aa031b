import { access } from 'node:fs/promises';
import type { ViewProgram } from '../../fold/compile-view.ts';
import type { EventReader } from './event-reader.ts';
import { writePartValues } from './part-values.ts';
import { readChunk } from './read-chunk.ts';
import { valuesFile, type ChunkPlan } from './run-plan.ts';
import { readPart } from './spine-spool.ts';
import { ChunkBuilder, groupViews } from './view-groups.ts';

/** What a chunk is read with; plain data, so that it reaches a thread or another machine. */
export interface ChunkJob {
  /** Folder of the run. */
  readonly work: string;
  readonly chunk: ChunkPlan;
  readonly dataCut: number;
  readonly eventsInMemory: number;
}

/** Reads one chunk of a run and writes its parts' values. One that was read before is left as it is. @returns its rows */
export async function runChunk(
  events: EventReader,
  views: readonly ViewProgram[],
  { work, chunk, dataCut, eventsInMemory }: ChunkJob,
): Promise<number> {
  const { group, mode, parts } = chunk;
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const files = parts.map((part) => valuesFile(work, mode, group, part));
  const there = await Promise.all(
    files.map((file) =>
      access(file).then(
        () => true,
        () => false,
      ),
    ),
  );
  if (there.every(Boolean)) return rows;
  const members = groupViews(views)[group]!.members.map((view) => views[view]!);
  const builder = new ChunkBuilder();
  for (const part of parts) await readPart(work, group, part, builder);
  const reads = await readChunk(events, members, builder.build(), { mode, dataCut, eventsInMemory });
  let from = 0;
  for (const [i, part] of parts.entries()) {
    await writePartValues(files[i]!, members, reads, from, from + part.rows);
    from += part.rows;
  }
  return rows;
}
