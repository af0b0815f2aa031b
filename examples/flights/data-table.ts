import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** A gzip CSV file as columns: header, then one line per row, no quotes, an empty cell is a missing value. */
export interface DataTable {
  readonly rowCount: number;
  /** The column as texts; equal texts are one string in memory. */
  texts(column: string): string[];
  /** The column as numbers, NaN where the value is missing. */
  numbers(column: string): Float64Array;
}

/** The largest data file has 1.4 MB unpacked. */
const unpackedBytesMax = 16 * 2 ** 20;
const comma = 0x2c;
const lineFeed = 0x0a;
const minus = 0x2d;
const zero = 0x30;
/** Bytes that fit into an exact double. */
const packedBytesMax = 6;

/** Reads one data file of this example whole. Throws where it is not such a table. */
export function readDataTable(path: URL): DataTable {
  const name = path.pathname.split('/').at(-1) ?? path.href;
  const bytes = gunzipSync(readFileSync(path), { maxOutputLength: unpackedBytesMax });
  const header = bytes.toString('latin1', 0, bytes.indexOf(lineFeed)).split(',');
  // ends[i] is where cell i ends, header included; a cell begins one past the end of the one before.
  const ends = cellEnds(bytes, header.length, name);
  const rowCount = ends.length / header.length - 1;

  const cells = <T>(
    column: string,
    read: (start: number, end: number) => T,
    write: (row: number, cell: T) => void,
  ) => {
    const index = header.indexOf(column);
    if (index < 0) throw unusable(name, `expected a column '${column}', found ${header.join(', ')}`);
    for (let row = 0; row < rowCount; row += 1) {
      const cell = (row + 1) * header.length + index;
      write(row, read((ends[cell - 1] as number) + 1, ends[cell] as number));
    }
  };
  return {
    rowCount,
    texts(column) {
      const known = new Map<number | string, string>();
      const values = new Array<string>(rowCount);
      cells(
        column,
        (start, end) => internedText(bytes, start, end, known),
        (row, text) => {
          values[row] = text;
        },
      );
      return values;
    },
    numbers(column) {
      const values = new Float64Array(rowCount);
      cells(
        column,
        (start, end) => parseNumber(bytes, start, end),
        (row, value) => {
          values[row] = value;
        },
      );
      return values;
    },
  };
}

/** Making a string of every cell is most of the time of a plain reader; codes of up to six bytes are looked up as numbers. */
function internedText(
  bytes: Buffer,
  start: number,
  end: number,
  known: Map<number | string, string>,
): string {
  let key: number | string = 0;
  if (end - start > packedBytesMax) key = bytes.toString('latin1', start, end);
  else for (let at = start; at < end; at += 1) key = key * 256 + (bytes[at] as number);
  let text = known.get(key);
  if (text === undefined) {
    text = bytes.toString('latin1', start, end);
    known.set(key, text);
  }
  return text;
}

/** NaN for an empty cell; whole numbers without a string in between. */
function parseNumber(bytes: Buffer, start: number, end: number): number {
  if (start === end) return NaN;
  const negative = bytes[start] === minus;
  let value = 0;
  for (let at = negative ? start + 1 : start; at < end; at += 1) {
    const digit = (bytes[at] as number) - zero;
    if (digit < 0 || digit > 9) return Number(bytes.toString('latin1', start, end));
    value = value * 10 + digit;
  }
  return negative ? -value : value;
}

/** Where each cell ends. Lines of unequal length, or a last line that does not end, are not such a table. */
function cellEnds(bytes: Buffer, columnCount: number, name: string): Uint32Array {
  const ends = new Uint32Array(bytes.length);
  let count = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte !== comma && byte !== lineFeed) continue;
    ends[count] = at;
    count += 1;
    const atRowEnd = count % columnCount === 0;
    if (atRowEnd !== (byte === lineFeed)) {
      throw unusable(
        name,
        `line ${Math.ceil(count / columnCount)}: expected ${columnCount} cells, found another number`,
      );
    }
  }
  if (ends[count - 1] !== bytes.length - 1)
    throw unusable(name, 'expected a line feed at the end, found none');
  return ends.slice(0, count);
}

const unusable = (name: string, problem: string): Error =>
  new Error(`Data file '${name}': ${problem}. Make it again with data/make_data.py.`);
