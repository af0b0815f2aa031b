import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { z } from 'zod';
import { MillraceError, messageOf } from '../src/core/millrace-error.ts';
import type { ReplayEvent } from '../src/stream/replayer.ts';

const eventLine = z.object({
  source: z.string().min(1),
  id: z.string().min(1),
  payload: z.record(z.string(), z.json()),
  knownTime: z.union([z.number(), z.iso.datetime({ offset: true }).transform((text) => Date.parse(text))]),
});

/**
 * Events of a file with one JSON object a line, `{ source, id, payload, knownTime }`, in the file's order;
 * `.gz` is unpacked. Empty lines are passed over.
 * @throws MillraceError STREAM_REPLAY_INVALID naming file and line
 */
export async function* readEventFile(file: string): AsyncGenerator<ReplayEvent> {
  const bytes = createReadStream(file);
  const text: Readable = file.endsWith('.gz') ? bytes.pipe(createGunzip()) : bytes;
  // A pipe does not pass errors on.
  bytes.once('error', (error) => text.destroy(error));
  let line = 0;
  try {
    for await (const content of createInterface({ input: text, crlfDelay: Infinity })) {
      line += 1;
      if (content.trim() !== '') yield parseLine(content, file, line);
    }
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    throw new MillraceError(
      'STREAM_REPLAY_INVALID',
      `Event file '${file}' can't be read beyond line ${line}: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}

function parseLine(content: string, file: string, line: number): ReplayEvent {
  const where = `Event file '${file}', line ${line}`;
  const expected = 'Expected { "source": text, "id": text, "payload": object, "knownTime": ms or ISO 8601 }';
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    throw new MillraceError(
      'STREAM_REPLAY_INVALID',
      `${where} is no JSON: ${messageOf(cause)}. ${expected}.`,
      { cause },
    );
  }
  const parsed = eventLine.safeParse(value);
  if (!parsed.success) {
    const problems = parsed.error.issues
      .map((issue) => `${issue.path.join('.') || 'line'}: ${issue.message}`)
      .join('; ');
    throw new MillraceError('STREAM_REPLAY_INVALID', `${where}: ${problems}. ${expected}.`);
  }
  return parsed.data;
}
