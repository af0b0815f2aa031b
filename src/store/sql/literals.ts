/** A finite number as double precision: the shortest text that gives the same bits. */
export const numberLiteral = (value: number): string => `'${value}'::float8`;

export const integerLiteral = (value: number): string => `${BigInt(Math.trunc(value))}`;

/** A text whatever it holds; quotes are doubled, backslashes written as escapes. */
export const textLiteral = (text: string): string =>
  text.includes('\\')
    ? `E'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`
    : `'${text.replaceAll("'", "''")}'`;

const loneSurrogate = /[\ud800-\udfff]/u;

/** Whether PostgreSQL can hold the text: no NUL and no lone surrogate. No event carries another. */
export const isStorable = (text: string): boolean => !text.includes('\0') && !loneSurrogate.test(text);
