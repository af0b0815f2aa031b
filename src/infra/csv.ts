/** Longest field; a quote that is never closed must not swallow a file. */
export const CSV_FIELD_LENGTH_MAX = 1_048_576;

/** The text is not CSV; who reads a file turns it into the MillraceError of its subject. */
export class MalformedCsv extends Error {
  override readonly name = 'MalformedCsv';
}

type CsvField = string | null;

/**
 * Reads CSV (RFC 4180, commas, `"` quotes, either line ending) from pieces of text, cut anywhere. An empty field without
 * quotes is null, with quotes the empty text.
 */
export class CsvReader {
  #field = '';
  #row: CsvField[] = [];
  #state: 'start' | 'plain' | 'quoted' | 'quote' = 'start';
  #isFirst = true;
  #line = 1;

  /** The rows that the piece completes; empty lines are passed over. @throws MalformedCsv naming the line */
  push(text: string): CsvField[][] {
    const rows: CsvField[][] = [];
    let piece = text;
    if (this.#isFirst && piece.length > 0) {
      this.#isFirst = false;
      if (piece.startsWith('\ufeff')) piece = piece.slice(1);
    }
    for (const character of piece) {
      if (character === '\n') this.#line++;
      if (this.#state === 'quoted') {
        if (character === '"') this.#state = 'quote';
        else this.#take(character);
      } else if (character === '"') this.#quote();
      else if (character === ',') this.#endField();
      else if (character === '\n') this.#endRow(rows);
      else if (character === '\r') continue;
      else if (this.#state === 'quote')
        throw new MalformedCsv(
          `line ${this.#line}: expected a comma or the end of the line after a closing quote`,
        );
      else {
        this.#state = 'plain';
        this.#take(character);
      }
    }
    return rows;
  }

  /** What the last line without an ending holds. @throws MalformedCsv */
  end(): CsvField[][] {
    if (this.#state === 'quoted') throw new MalformedCsv(`line ${this.#line}: a quoted field is not closed`);
    const rows: CsvField[][] = [];
    this.#endRow(rows);
    return rows;
  }

  #quote(): void {
    // Within quotes two stand for one.
    if (this.#state === 'quote') this.#take('"');
    else if (this.#state === 'plain')
      throw new MalformedCsv(
        `line ${this.#line}: expected quotes around the whole field, found one inside it`,
      );
    this.#state = 'quoted';
  }

  #take(character: string): void {
    this.#field += character;
    if (this.#field.length > CSV_FIELD_LENGTH_MAX)
      throw new MalformedCsv(`line ${this.#line}: a field has more than ${CSV_FIELD_LENGTH_MAX} characters`);
  }

  #endField(): void {
    this.#row.push(this.#state === 'start' ? null : this.#field);
    this.#field = '';
    this.#state = 'start';
  }

  #endRow(rows: CsvField[][]): void {
    if (this.#row.length === 0 && this.#state === 'start') return;
    this.#endField();
    rows.push(this.#row);
    this.#row = [];
  }
}

/** One line of CSV, its ending included, such that `CsvReader` reads the same fields; null is an empty field. */
export function csvLine(fields: readonly (string | null)[]): string {
  const line = fields.map((field) =>
    field === null ? '' : field === '' || /[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field,
  );
  // A line that is empty would be passed over.
  return `${line.length === 1 && line[0] === '' ? ',' : line.join(',')}\n`;
}
