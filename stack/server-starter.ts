import { join } from 'node:path';
import type { FinderContext } from './finder.ts';
import type { OwnedProcess } from './end-process.ts';
import { launchServer, type ServerLaunch } from './launch-server.ts';
import { probeServer } from './probe-server.ts';
import type { ServerName } from './server-name.ts';
import type { ServerState } from './stack-state.ts';

/** What every starter of a server works with. */
export interface StarterContext extends FinderContext {
  readonly dataDir: string;
  /** Ports of the last start, by purpose. */
  readonly rememberedPorts: Readonly<Record<string, number>>;
  /** Called when the process exists, before it answers, so that it can be found again whatever happens next. */
  readonly onSpawn: (state: ServerState) => Promise<void>;
}

/** Starts one server; undefined where no program for it could be had. */
export type ServerStarter = (context: StarterContext) => Promise<ServerState | undefined>;

export const serverFolder = (context: StarterContext, server: ServerName): string =>
  join(context.dataDir, server);

export interface ServerPlan extends Pick<
  ServerLaunch,
  'server' | 'program' | 'args' | 'cwd' | 'readyLimitMs'
> {
  readonly environment?: Readonly<Record<string, string>>;
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  /** What runs, where `program` only wraps it. */
  readonly shownProgram?: string;
}

/** Launches what a starter has planned and waits until it answers. */
export async function startPlanned(plan: ServerPlan, context: StarterContext): Promise<ServerState> {
  const logFile = join(context.dataDir, 'logs', `${plan.server}.log`);
  const stateOf = (owned: OwnedProcess): ServerState => ({
    origin: 'process',
    address: plan.address,
    ports: { ...plan.ports },
    program: plan.shownProgram ?? plan.program,
    process: owned,
    logFile,
    startedAt: new Date().toISOString(),
  });
  let recorded: Promise<void> = Promise.resolve();
  const owned = await launchServer({
    server: plan.server,
    program: plan.program,
    args: plan.args,
    cwd: plan.cwd,
    environment: { ...context.environment, ...plan.environment },
    logFile,
    isReady: () => probeServer(plan.server, plan.address),
    readyLimitMs: plan.readyLimitMs,
    signal: context.signal,
    onSpawn: (spawned) => {
      recorded = context.onSpawn(stateOf(spawned));
    },
  });
  await recorded;
  return stateOf(owned);
}
