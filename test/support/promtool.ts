import { readdir, rename, rm } from 'node:fs/promises';
import { arch } from 'node:os';
import path from 'node:path';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { cachedArtifact } from '../../stack/cached-artifact.ts';
import { findProgram } from '../../stack/find-program.ts';
import { firstWay, type FinderContext } from '../../stack/finder.ts';
import { runTool } from '../../stack/run-tool.ts';
import { defaultCacheDir } from '../../stack/start-stack.ts';

const FETCH_LIMIT_MS = 3 * 60_000;
const RUN_LIMIT_MS = 60_000;
const environment = processEnvironment();
const { signal } = new AbortController();

/** The path of Prometheus' `promtool`: the machine's, or unpacked from the distribution's package into the cache; undefined where there is neither. */
export async function findPromtool(): Promise<string | undefined> {
  const context: FinderContext = {
    cacheDir: defaultCacheDir(environment),
    environment,
    signal,
    report: (line) => console.error(line),
    noteFailure: (way, reason) => console.error(`promtool by ${way}: ${reason}`),
  };
  return firstWay(context, { "program 'promtool'": () => findProgram('promtool', environment), 'apt-get download': fromApt });
}

async function fromApt(context: FinderContext): Promise<string | undefined> {
  const apt = await findProgram('apt-get', environment);
  if (apt === undefined) return undefined;
  const folder = await cachedArtifact(context, `promtool-${arch()}`, async (draft) => {
    context.report('fetching promtool from the distribution');
    const tool = { environment, signal, timeoutMs: FETCH_LIMIT_MS, cwd: draft };
    await runTool({ ...tool, program: apt, args: ['download', '--quiet', 'prometheus'] });
    const [packed] = (await readdir(draft)).filter((name) => name.endsWith('.deb'));
    await runTool({ ...tool, program: 'dpkg', args: ['-x', packed ?? '', 'unpacked'] });
    await rename(path.join(draft, 'unpacked/usr/bin/promtool'), path.join(draft, 'promtool'));
    await Promise.all(['unpacked', packed ?? ''].map((name) => rm(path.join(draft, name), { recursive: true })));
    // It is one static program, but for the C library.
    await runTool({ ...tool, program: path.join(draft, 'promtool'), args: ['--version'], timeoutMs: RUN_LIMIT_MS });
  });
  return path.join(folder, 'promtool');
}

/** Runs it to its end. @throws MillraceError STACK_TOOL_FAILED with what it found wrong */
export const runPromtool = (program: string, args: readonly string[], input = ''): Promise<string> =>
  runTool({ program, args, input, environment, signal, timeoutMs: RUN_LIMIT_MS });
