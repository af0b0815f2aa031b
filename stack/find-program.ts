import { access, constants, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { Environment } from './environment.ts';

/** The full path of a program: the first match in the PATH, then in the given folders. */
export async function findProgram(
  name: string,
  environment: Environment,
  extraFolders: readonly string[] = [],
): Promise<string | undefined> {
  const folders = [...(environment['PATH'] ?? '').split(delimiter), ...extraFolders];
  for (const folder of folders) {
    if (folder !== '' && (await isProgram(join(folder, name)))) return join(folder, name);
  }
  return undefined;
}

export async function isProgram(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
