import { copyFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { endProcess, type OwnedProcess } from '../../stack/end-process.ts';
import { obtainServer } from '../../stack/obtain-server.ts';
import { hostAndPort } from '../../stack/probe-server.ts';
import { addressVariables } from '../../stack/stack-environment.ts';
import type { OnStackProgress } from '../../stack/stack-progress.ts';
import { createStackRecorder, type StackRecorder } from '../../stack/stack-recorder.ts';
import { readStackFile, type ServerState } from '../../stack/stack-state.ts';
import { defaultCacheDir } from '../../stack/start-stack.ts';
import { stopServer } from '../../stack/stop-server.ts';

/** The servers of the event path; Temporal only starts and watches the consumers, which here the suite does. */
export const restartableServers = ['kafka', 'postgres', 'redis'] as const;

export type RestartableServer = (typeof restartableServers)[number];

const NAMESPACE = 'faults';
const END_LIMIT_MS = 20_000;

/** Servers of the environment belong to others: they are never restarted, so they are not used. */
function ownEnvironment(): Record<string, string | undefined> {
  const environment = { ...process.env };
  for (const variable of Object.values(addressVariables)) delete environment[variable];
  return environment;
}

/** The private servers of one run: each can be ended in any way and started again on the same data and port. */
export class FaultServers {
  readonly #dataDir: string;
  readonly #recorder: StackRecorder;
  readonly #onProgress: OnStackProgress;
  readonly #states = new Map<RestartableServer, ServerState>();
  /** Starts after the first, over all servers. */
  restarts = 0;

  constructor(dataDir: string, onProgress: OnStackProgress) {
    this.#dataDir = dataDir;
    this.#onProgress = onProgress;
    const before = readStackFile(dataDir);
    this.#recorder = createStackRecorder(dataDir, NAMESPACE, before);
    for (const server of restartableServers) {
      const state = before?.servers[server];
      if (state !== undefined) this.#states.set(server, state);
    }
  }

  address(server: RestartableServer): string {
    return this.#state(server).address;
  }

  port(server: RestartableServer): number {
    return hostAndPort(server, this.address(server)).port;
  }

  /** Finds or fetches what is missing, starts it and waits until it answers; one that runs is left as it is. */
  async start(server: RestartableServer): Promise<void> {
    const environment = ownEnvironment();
    const before = this.#states.get(server);
    const { state } = await obtainServer(server, {
      dataDir: this.#dataDir,
      cacheDir: defaultCacheDir(environment),
      environment,
      namespace: NAMESPACE,
      security: { kafka: {}, temporal: {} },
      before,
      onProgress: this.#onProgress,
      signal: new AbortController().signal,
      onSpawn: (spawned) => this.#recorder.recordStarted(server, spawned),
    });
    if (before !== undefined && before.process?.pid !== state.process?.pid) this.restarts++;
    if (before !== undefined && before.address !== state.address) {
      throw new Error(
        `${server} came back at another address: ${state.address} instead of ${before.address}`,
      );
    }
    this.#states.set(server, state);
    await this.#recorder.record(server, state);
  }

  /** Its orderly end. */
  async stop(server: RestartableServer): Promise<void> {
    await stopServer(server, this.#state(server), this.#onProgress);
  }

  /** `SIGKILL`, or for PostgreSQL `SIGQUIT`: its immediate stop, without a checkpoint. */
  async kill(server: RestartableServer, signal: 'SIGKILL' | 'SIGQUIT'): Promise<void> {
    const outcome = await endProcess(this.#owned(server), signal, END_LIMIT_MS);
    if (outcome !== 'ended') throw new Error(`${server} was to end by ${signal}: ${outcome}`);
  }

  /** Keeps a copy of Redis' dump as it is on disk now. */
  async keepDump(): Promise<void> {
    await copyFile(this.#dump('dump.rdb'), this.#dump('older.rdb'));
  }

  /** Puts the kept dump in the place of the present one, for a Redis that does not run. */
  async restoreDump(): Promise<void> {
    await copyFile(this.#dump('older.rdb'), this.#dump('dump.rdb'));
    await rm(this.#dump('older.rdb'));
  }

  #dump(name: string): string {
    return join(this.#dataDir, 'redis', name);
  }

  #owned(server: RestartableServer): OwnedProcess {
    const owned = this.#state(server).process;
    if (owned === undefined) {
      throw new Error(`${server} does not run as a process of this machine, so the fault suite can't end it`);
    }
    return owned;
  }

  #state(server: RestartableServer): ServerState {
    const state = this.#states.get(server);
    if (state === undefined) throw new Error(`${server} was not started`);
    return state;
  }
}
