import { errorTable, type ErrorKind } from '../../src/core/error-table.ts';

/** The table of docs/errors.md, made from the one in the code: code, HTTP status, whether to try again, cause. */
export function errorTableMarkdown(): string {
  const rows = Object.entries<ErrorKind>(errorTable)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, kind]) => {
      const anchor = code.toLowerCase();
      return `| [${code}](#${anchor}) | ${kind.httpStatus} | ${kind.retryable ? 'yes' : 'no'} | ${kind.summary} |`;
    });
  return ['| code | HTTP | try again | cause |', '|---|---|---|---|', ...rows].join('\n');
}
