import { findProgram } from './find-program.ts';
import type { FinderContext } from './finder.ts';
import { runTool } from './run-tool.ts';

const INSTALL_LIMIT_MS = 5 * 60_000;

/** Unpacks one package of the Python index, without what it depends on, into a folder. */
export async function installWheel(
  name: string,
  version: string,
  folder: string,
  context: FinderContext,
): Promise<void> {
  const python = await findProgram('python3', context.environment);
  if (python === undefined) throw new Error("no program 'python3' to fetch it with");
  await runTool({
    program: python,
    args: [
      ...['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'],
      ...['--only-binary=:all:', '--target', folder, `${name}==${version}`],
    ],
    environment: context.environment,
    signal: context.signal,
    timeoutMs: INSTALL_LIMIT_MS,
  });
}
