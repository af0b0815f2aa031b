/** A finite number as double precision: the shortest text that gives the same bits. */
export const numberLiteral = (value: number): string => `'${value}'::float8`;

export const integerLiteral = (value: number): string => `${BigInt(Math.trunc(value))}`;

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r' };

/** A text whatever it holds, on one line: a query's lines are indented, and printed, as they are. PostgreSQL and DuckDB read it alike. */
export function textLiteral(text: string): string {
  const quoted = text.replaceAll("'", "''");
  const escaped = quoted.replaceAll(/[\\\n\r]/g, (char) => escapes[char]!);
  return escaped === quoted ? `'${quoted}'` : `E'${escaped}'`;
}

const loneSurrogate = /[\ud800-\udfff]/u;

/** Whether PostgreSQL can hold the text: no NUL and no lone surrogate. No event carries another. */
export const isStorable = (text: string): boolean => !text.includes('\0') && !loneSurrogate.test(text);
