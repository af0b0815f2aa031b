import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { cachedArtifact } from '../../stack/cached-artifact.ts';
import { findProgram } from '../../stack/find-program.ts';
import type { FinderContext } from '../../stack/finder.ts';
import { runTool } from '../../stack/run-tool.ts';
import { defaultCacheDir } from '../../stack/start-stack.ts';

const INSTALL_LIMIT_MS = 10 * 60_000;

/**
 * A virtual environment of Python, made once for a set of requirements and kept in the cache.
 * @param name what it is for
 * @param requirements a file as pip reads it
 * @returns the path of its python, undefined where the machine has none
 */
export async function pythonEnvironment(name: string, requirements: URL): Promise<string | undefined> {
  const environment = processEnvironment();
  const python = await findProgram('python3', environment);
  if (python === undefined) return undefined;
  const { signal } = new AbortController();
  const context: FinderContext = {
    cacheDir: defaultCacheDir(environment),
    environment,
    signal,
    report: (line) => console.error(line),
    noteFailure: (way, reason) => console.error(`${way}: ${reason}`),
  };
  const digest = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const folder = await cachedArtifact(context, `${name}-${digest}`, async (draft) => {
    const tool = { environment, signal, timeoutMs: INSTALL_LIMIT_MS };
    await runTool({ ...tool, program: python, args: ['-m', 'venv', draft] });
    context.report(`fetching ${name} for Python`);
    // By the module: the folder is moved into place afterwards, and scripts would still name the draft.
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', fileURLToPath(requirements)];
    await runTool({ ...tool, program: path.join(draft, 'bin', 'python3'), args: pip });
  });
  return path.join(folder, 'bin', 'python3');
}
