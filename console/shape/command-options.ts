import path from 'node:path';

/** The data directory that commands take where none is named. */
const DATA_DIR_DEFAULT = '.millrace';

/** Options without which a command of the working directory would talk to another Millrace: ` --data-dir ...`, or nothing. */
export function commandOptions(dataDir: string, workingDirectory: string): string {
  const resolved = path.resolve(workingDirectory, dataDir);
  return resolved === path.resolve(workingDirectory, DATA_DIR_DEFAULT)
    ? ''
    : ` --data-dir ${quote(resolved)}`;
}

/** For a POSIX shell. */
const quote = (text: string): string =>
  /^[\w./:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
