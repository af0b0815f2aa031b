import { homedir } from 'node:os';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isMillraceError, messageOf, MillraceError } from '../src/core/millrace-error.ts';
import { loadServerSecurity, type ServerSecurity } from '../src/infra/server-security.ts';
import { abortOnSignal } from './clean-up.ts';
import { environmentValue, type Environment } from './environment.ts';
import { withFileLock } from './file-lock.ts';
import { obtainServer } from './obtain-server.ts';
import { withoutPassword } from './without-password.ts';
import { serverNames, type ServerName } from './server-name.ts';
import { stackEnvironment } from './stack-environment.ts';
import { stackLock } from './stack-lock.ts';
import type { OnStackProgress } from './stack-progress.ts';
import { createStackRecorder, type StackRecorder } from './stack-recorder.ts';
import { readStackFile, type StackFile, type StackState } from './stack-state.ts';
import { stopServers, stopStack } from './stop-stack.ts';
import { ensureNamespaceAndSearchAttributes } from './temporal-namespace.ts';
import { watchServers } from './watch-servers.ts';

const DEFAULT_NAMESPACE = 'millrace';

export interface StartStackOptions {
  /** Where state, logs and data are kept. */
  readonly dataDir: string;
  /** Where fetched and built programs are kept; by default `millrace` in the user's cache directory. */
  readonly cacheDir?: string;
  /** Asks for Docker Compose first instead of last. */
  readonly docker?: boolean;
  readonly onProgress: OnStackProgress;
  readonly environment: Environment;
  readonly signal?: AbortSignal;
}

export interface RunningStack {
  readonly state: StackState;
  /** As `stackEnvironment`: what a process needs to find the servers. */
  readonly environment: Readonly<Record<string, string>>;
  /** The Temporal CLI, where it was needed to start the server. */
  readonly temporalCli: string | undefined;
  /** Ends the servers. */
  readonly stop: () => Promise<void>;
  /** Stops looking for crashes; the servers run on. */
  readonly unwatch: () => void;
}

/**
 * Finds or fetches, starts and waits for the four servers, all at the same time. Servers of this data directory that
 * run and answer are used as they are. They outlive this process; while it lives, it reports their crashes.
 * On failure or abort what was started is ended again.
 * @throws MillraceError STACK_SERVER_UNAVAILABLE, STACK_SERVER_FAILED, STACK_PORT_BUSY, STACK_BUSY,
 *   STACK_STATE_INVALID, STACK_ABORTED, CONFIG_INVALID
 */
export async function startStack(options: StartStackOptions): Promise<RunningStack> {
  const dataDir = resolve(options.dataDir);
  await mkdir(dataDir, { recursive: true });
  const state = await abortOnSignal(options.signal, async (signal) => {
    const lock = stackLock(dataDir, signal, (pid) => {
      for (const server of serverNames) {
        options.onProgress({
          server,
          phase: 'finding',
          message: `process ${pid} is starting or stopping it`,
        });
      }
    });
    try {
      return await withFileLock(lock, () => startAll({ ...options, dataDir, signal }));
    } catch (error) {
      if (!signal.aborted || isMillraceError(error)) throw error;
      throw new MillraceError(
        'STACK_ABORTED',
        `Starting the servers was interrupted: ${messageOf(signal.reason)}. What had been started is ended again.`,
        { cause: error },
      );
    }
  });
  const unwatch = watchServers(state, options.onProgress);
  const { program } = state.servers.temporal;
  return {
    state,
    environment: stackEnvironment(state),
    temporalCli: program,
    unwatch,
    stop: async () => {
      unwatch();
      await stopStack(dataDir, options.onProgress);
    },
  };
}

type StartOptions = StartStackOptions & { readonly signal: AbortSignal };
type SecuredOptions = StartOptions & { readonly security: ServerSecurity };

async function startAll(options: StartOptions): Promise<StackState> {
  const namespace = environmentValue(options.environment, 'MILLRACE_TEMPORAL_NAMESPACE') ?? DEFAULT_NAMESPACE;
  const security = loadServerSecurity(options.environment);
  const before = readStackFile(options.dataDir);
  const recorder = createStackRecorder(options.dataDir, namespace, before);
  const failing = new AbortController();
  const signal = AbortSignal.any([options.signal, failing.signal]);
  const results = await Promise.allSettled(
    serverNames.map(async (server) => {
      try {
        await startOne(server, { ...options, signal, security }, namespace, before, recorder);
      } catch (error) {
        // The others need not go on; their own aborts say nothing new.
        failing.abort(error);
        throw error;
      }
    }),
  );
  if (results.every((result) => result.status === 'fulfilled')) return await recorder.finish();
  await stopServers(options.dataDir, recorder.current(), options.onProgress, recorder.startedHere());
  if (options.signal.aborted) throw options.signal.reason as Error;
  throw failing.signal.reason as Error;
}

async function startOne(
  server: ServerName,
  options: SecuredOptions,
  namespace: string,
  before: StackFile | undefined,
  recorder: StackRecorder,
): Promise<void> {
  const startedAt = performance.now();
  const { state, how } = await obtainServer(server, {
    ...options,
    cacheDir: options.cacheDir ?? defaultCacheDir(options.environment),
    namespace,
    before: before?.servers[server],
    onSpawn: (spawned) => recorder.recordStarted(server, spawned),
  });
  if (server === 'temporal') {
    const { address, origin } = state;
    const security = origin === 'environment' ? options.security.temporal : {};
    await ensureNamespaceAndSearchAttributes({ address, namespace, security });
  }
  await recorder.record(server, state);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  options.onProgress({
    server,
    phase: 'ready',
    message: `${how} at ${withoutPassword(state.address)} after ${seconds} s`,
  });
}

/** `millrace` in the user's cache directory. */
export function defaultCacheDir(environment: Environment): string {
  const base = environmentValue(environment, 'XDG_CACHE_HOME') ?? join(homedir(), '.cache');
  return join(base, 'millrace');
}
