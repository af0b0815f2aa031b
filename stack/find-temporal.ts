import { copyFile, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedArtifact } from './cached-artifact.ts';
import { downloadTemporal } from './download-temporal.ts';
import { findProgram } from './find-program.ts';
import { firstWay, type FinderContext } from './finder.ts';
import { runTool } from './run-tool.ts';

/** The newest CLI that `go install` can build: later ones carry a replace directive. */
const TEMPORAL_CLI_VERSION = '1.5.1';
const TEMPORAL_CLI_MODULE = `github.com/temporalio/cli/cmd/temporal@v${TEMPORAL_CLI_VERSION}`;
const GO_VERSION_MIN = [1, 25] as const;
const BUILD_LIMIT_MS = 40 * 60_000;
const VERSION_LIMIT_MS = 10_000;

/** The path of a Temporal CLI, which carries the development server and its Web UI. */
export async function findTemporal(context: FinderContext): Promise<string | undefined> {
  return await firstWay(context, {
    "program 'temporal'": fromMachine,
    "download by Temporal's SDK": fromDownload,
    'go install': fromGo,
  });
}

async function fromMachine(context: FinderContext): Promise<string | undefined> {
  const program = await findProgram('temporal', context.environment);
  if (program === undefined) return undefined;
  // Before 1.0 the server took other flags; 0.0.0-DEV is what 'go install' makes of any version.
  return /version 0\.(?!0\.0-DEV)/.test(await versionOf(program, context)) ? undefined : program;
}

async function versionOf(program: string, context: FinderContext): Promise<string> {
  return await runTool({
    program,
    args: ['--version'],
    environment: context.environment,
    signal: context.signal,
    timeoutMs: VERSION_LIMIT_MS,
  });
}

/** Both ways lead to the same place, so the one that has been gone is not gone again. */
const cachedCli = async (context: FinderContext, make: (draft: string) => Promise<void>): Promise<string> =>
  join(await cachedArtifact(context, `temporal-cli-${TEMPORAL_CLI_VERSION}`, make), 'temporal');

async function fromDownload(context: FinderContext): Promise<string | undefined> {
  return await cachedCli(context, async (draft) => {
    await downloadTemporal(TEMPORAL_CLI_VERSION, draft, context);
    await versionOf(join(draft, 'temporal'), context);
  });
}

async function fromGo(context: FinderContext): Promise<string | undefined> {
  return await cachedCli(context, async (draft) => {
    const go = await findProgram('go', context.environment, ['/usr/local/go/bin']);
    if (go === undefined) throw new Error("no program 'go' to build it with");
    await checkGoVersion(go, context);
    await build(go, draft, context);
  });
}

async function checkGoVersion(go: string, context: FinderContext): Promise<void> {
  const text = await runTool({
    program: go,
    args: ['env', 'GOVERSION'],
    environment: context.environment,
    signal: context.signal,
    timeoutMs: VERSION_LIMIT_MS,
  });
  const [, major = '0', minor = '0'] = /go(\d+)\.(\d+)/.exec(text) ?? [];
  const [majorMin, minorMin] = GO_VERSION_MIN;
  if (Number(major) < majorMin || (Number(major) === majorMin && Number(minor) < minorMin)) {
    throw new Error(`'${go}' is ${text.trim()}, expected at least go${GO_VERSION_MIN.join('.')}`);
  }
}

/** Modules and objects go to throw-away folders: they are 20 times the size of the binary. */
async function build(go: string, draft: string, context: FinderContext): Promise<void> {
  const scratch = join(draft, 'scratch');
  await mkdir(scratch);
  const startedAt = performance.now();
  let lastLine = 'fetching modules';
  const report = (): void => {
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    context.report(`building the Temporal CLI, ${seconds} s (about 4 minutes on 2 cores): ${lastLine}`);
  };
  report();
  const heartbeat = setInterval(report, 1000);
  try {
    await runTool({
      program: go,
      // -v names each package as it is compiled.
      args: ['install', '-v', '-trimpath', '-ldflags=-s -w', TEMPORAL_CLI_MODULE],
      environment: {
        ...context.environment,
        CGO_ENABLED: '0',
        GOBIN: join(scratch, 'bin'),
        GOMODCACHE: join(scratch, 'modules'),
        GOCACHE: join(scratch, 'objects'),
        // Go protects its modules against deletion otherwise.
        GOFLAGS: '-modcacherw',
      },
      signal: context.signal,
      timeoutMs: BUILD_LIMIT_MS,
      onLine: (line) => {
        lastLine = line;
      },
    });
  } finally {
    clearInterval(heartbeat);
  }
  await copyFile(join(scratch, 'bin', 'temporal'), join(draft, 'temporal'));
  await rm(scratch, { recursive: true });
}
