import type { ViewProgram } from '../../fold/compile-view.ts';
import type { Queryable } from '../../infra/postgres.ts';
import { textSql, type ColdColumn } from './cold-columns.ts';
import { prunedFiles, type ColdFile } from './cold-files.ts';
import { coldRowsSql } from './cold-rows-sql.ts';
import { coldLogFor, readable } from './scan-cold-and-hot.ts';

export interface KeyDraw {
  /** A row's key as text. */
  readonly keySql: string;
  /** Gives the order in which keys are drawn: by the digest of both. */
  readonly label: string;
  readonly keysMax: number;
  /** Once files have so many rows together, no more are read. */
  readonly rowsMax: number;
}

/** Entity keys of a view among the rows that only files have. */
export async function drawColdKeys(
  db: Queryable,
  program: ViewProgram,
  { keySql, label, keysMax, rowsMax }: KeyDraw,
): Promise<string[]> {
  const { source } = program.view;
  const files = drawFiles(await prunedFiles(db, source.name), rowsMax);
  if (files.length === 0) return [];
  const coldLog = coldLogFor(db, source);
  const columns = program.keyFields.map((name): ColdColumn => ({ name, type: 'string' }));
  const rows = coldRowsSql(await readable(coldLog, files), columns, {});
  const found = await coldLog.duckdb.session((session) =>
    session.rows(
      `SELECT key FROM (SELECT DISTINCT ${keySql} AS key FROM (${rows})) WHERE key IS NOT NULL
       ORDER BY md5(key || ${textSql(label)}) LIMIT ${Math.trunc(keysMax)}`,
    ),
  );
  return found.map(([key]) => key as string);
}

/** By digest, so that they are of all days. */
function drawFiles(files: readonly ColdFile[], rowsMax: number): ColdFile[] {
  let rows = 0;
  return [...files]
    .sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1))
    .filter((file) => {
      const isDrawn = rows < rowsMax;
      if (isDrawn) rows += file.rows;
      return isDrawn;
    });
}
