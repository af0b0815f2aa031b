import { homedir } from 'node:os';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isMillraceError, messageOf, MillraceError } from '../src/core/millrace-error.ts';
import { abortOnSignal } from './clean-up.ts';
import { createComposeStarter } from './docker-compose.ts';
import { environmentValue, type Environment } from './environment.ts';
import { withFileLock } from './file-lock.ts';
import { healthyServer } from './server-health.ts';
import { serverNames, type ServerName } from './server-name.ts';
import type { ServerStarter, StarterContext } from './server-starter.ts';
import { addressVariables, stackEnvironment } from './stack-environment.ts';
import { stackLock } from './stack-lock.ts';
import type { OnStackProgress } from './stack-progress.ts';
import { createStackRecorder, type StackRecorder } from './stack-recorder.ts';
import { readStackFile, type ServerState, type StackFile, type StackState } from './stack-state.ts';
import { startKafka } from './start-kafka.ts';
import { startPostgres } from './start-postgres.ts';
import { startRedis } from './start-redis.ts';
import { createTemporalStarter } from './start-temporal.ts';
import { stopServers, stopStack } from './stop-stack.ts';
import { probeServer } from './probe-server.ts';
import { serverUnavailable } from './server-unavailable.ts';
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
        options.onProgress({ server, phase: 'finding', message: `process ${pid} is starting or stopping it` });
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

async function startAll(options: StartOptions): Promise<StackState> {
  const namespace = environmentValue(options.environment, 'MILLRACE_TEMPORAL_NAMESPACE') ?? DEFAULT_NAMESPACE;
  const before = readStackFile(options.dataDir);
  const recorder = createStackRecorder(options.dataDir, namespace, before);
  const failing = new AbortController();
  const signal = AbortSignal.any([options.signal, failing.signal]);
  const results = await Promise.allSettled(
    serverNames.map(async (server) => {
      try {
        await startOne(server, { ...options, signal }, namespace, before, recorder);
      } catch (error) {
        // The others need not go on; their own aborts say nothing new.
        failing.abort(error);
        throw error;
      }
    }),
  );
  if (results.every((result) => result.status === 'fulfilled')) return await recorder.finish();
  await stopServers(options.dataDir, recorder.startedHere(), options.onProgress);
  if (options.signal.aborted) throw options.signal.reason as Error;
  throw failing.signal.reason as Error;
}

async function startOne(
  server: ServerName,
  options: StartOptions,
  namespace: string,
  before: StackFile | undefined,
  recorder: StackRecorder,
): Promise<void> {
  const startedAt = performance.now();
  const { state, how } = await obtain(server, options, namespace, before?.servers[server], recorder);
  if (server === 'temporal') await ensureNamespaceAndSearchAttributes(state.address, namespace);
  await recorder.record(server, state);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  options.onProgress({ server, phase: 'ready', message: `${how} at ${withoutPassword(state.address)} after ${seconds} s` });
}

async function obtain(
  server: ServerName,
  options: StartOptions,
  namespace: string,
  before: ServerState | undefined,
  recorder: StackRecorder,
): Promise<{ state: ServerState; how: string }> {
  const named = environmentValue(options.environment, addressVariables[server]);
  if (named !== undefined) return { state: await externalServer(server, named), how: 'named in the environment' };
  const healthy = before === undefined ? undefined : await healthyServer(server, before);
  if (healthy !== undefined) return { state: healthy, how: 'already running' };

  const failures: string[] = [];
  const context: StarterContext = {
    dataDir: options.dataDir,
    cacheDir: options.cacheDir ?? defaultCacheDir(options.environment),
    environment: options.environment,
    signal: options.signal,
    rememberedPorts: before?.ports ?? {},
    report: (message) => {
      options.onProgress({ server, phase: message.startsWith('starting') ? 'starting' : 'fetching', message });
    },
    noteFailure: (way, reason) => failures.push(`${way}: ${reason}`),
    onSpawn: (spawned) => recorder.recordStarted(server, spawned),
  };
  options.onProgress({ server, phase: 'finding', message: 'looking for it' });
  const local = localStarters(namespace)[server];
  const composed = createComposeStarter(server);
  for (const starter of options.docker === true ? [composed, local] : [local, composed]) {
    const state = await starter(context);
    if (state !== undefined) return { state, how: `${state.program ?? 'Docker Compose'}` };
  }
  throw serverUnavailable(server, failures);
}

function localStarters(namespace: string): Readonly<Record<ServerName, ServerStarter>> {
  return {
    temporal: createTemporalStarter(namespace),
    kafka: startKafka,
    postgres: startPostgres,
    redis: startRedis,
  };
}

async function externalServer(server: ServerName, address: string): Promise<ServerState> {
  const variable = addressVariables[server];
  if (!(await probeServer(server, address))) {
    throw new MillraceError(
      'STACK_SERVER_UNAVAILABLE',
      `Server '${server}' does not answer at '${withoutPassword(address)}', which ${variable} names. ` +
        'Start it, correct the variable, or unset it to have a server started here.',
    );
  }
  return { origin: 'environment', address, ports: {}, startedAt: new Date().toISOString() };
}

function defaultCacheDir(environment: Environment): string {
  const base = environmentValue(environment, 'XDG_CACHE_HOME') ?? join(homedir(), '.cache');
  return join(base, 'millrace');
}

const withoutPassword = (address: string): string => address.replace(/:[^:@/]+@/, '@');
