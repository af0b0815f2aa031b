export interface Line {
  /** From 1, counting empty lines too. */
  readonly number: number;
  /** Null where the line is longer than allowed: then it was not kept. */
  readonly text: string | null;
}

const NEWLINE = 0x0a;

/**
 * Cuts bytes into lines, of which it gives at most so many at once; never holds more of a line than it may have. Lines that are
 * empty, or blanks alone, are left out; the last one needs no newline.
 */
export async function* splitLines(chunks: AsyncIterable<Buffer>, lineBytesMax: number, linesMax: number): AsyncGenerator<readonly Line[], void> {
  let parts: Buffer[] = [];
  let length = 0;
  let number = 0;
  let lines: Line[] = [];
  const keep = (part: Buffer): void => {
    length += part.length;
    if (length > lineBytesMax) parts = [];
    else if (part.length > 0) parts.push(part);
  };
  const endLine = (): void => {
    number++;
    const text = length > lineBytesMax ? null : Buffer.concat(parts).toString('utf8');
    parts = [];
    length = 0;
    if (text === null || text.trim() !== '') lines.push({ number, text });
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at !== -1; at = chunk.indexOf(NEWLINE, from)) {
      keep(chunk.subarray(from, at));
      endLine();
      from = at + 1;
      if (lines.length < linesMax) continue;
      yield lines;
      lines = [];
    }
    keep(chunk.subarray(from));
    if (lines.length > 0) yield lines;
    lines = [];
  }
  if (length > 0) endLine();
  if (lines.length > 0) yield lines;
}
