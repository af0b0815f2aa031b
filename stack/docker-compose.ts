import { fileURLToPath } from 'node:url';
import { findProgram } from './find-program.ts';
import { choosePort, LOOPBACK } from './free-port.ts';
import { runTool } from './run-tool.ts';
import type { ServerName } from './server-name.ts';
import type { ServerStarter, StarterContext } from './server-starter.ts';

const COMPOSE_FILE = fileURLToPath(new URL('../docker-compose.yml', import.meta.url));
const PROBE_LIMIT_MS = 10_000;
/** Pulls the images at the first start. */
const UP_LIMIT_MS = 15 * 60_000;
const STOP_LIMIT_MS = 2 * 60_000;

interface ComposeService {
  readonly services: readonly string[];
  /** Variable of docker-compose.yml that takes the port, by purpose. */
  readonly portVariables: Readonly<Record<string, string>>;
  readonly address: (mainPort: number) => string;
}

/** How each server is called in docker-compose.yml. */
export const composeServices: Readonly<Record<ServerName, ComposeService>> = {
  temporal: {
    services: ['temporal', 'temporal-ui'],
    portVariables: { main: 'MILLRACE_TEMPORAL_PORT', ui: 'MILLRACE_TEMPORAL_UI_PORT' },
    address: (port) => `${LOOPBACK}:${port}`,
  },
  kafka: {
    services: ['kafka'],
    portVariables: { main: 'MILLRACE_KAFKA_PORT' },
    address: (port) => `${LOOPBACK}:${port}`,
  },
  postgres: {
    services: ['postgres'],
    portVariables: { main: 'MILLRACE_POSTGRES_PORT' },
    address: (port) => `postgresql://millrace:millrace@${LOOPBACK}:${port}/millrace`,
  },
  redis: {
    services: ['redis'],
    portVariables: { main: 'MILLRACE_REDIS_PORT' },
    address: (port) => `redis://${LOOPBACK}:${port}`,
  },
};

/** Starts one server by Docker Compose; undefined where no engine answers. */
export function createComposeStarter(server: ServerName): ServerStarter {
  return async (context) => {
    const docker = await findDocker(context);
    if (docker === undefined) return undefined;
    const { services, portVariables, address } = composeServices[server];
    const ports: Record<string, number> = {};
    const portEnvironment: Record<string, string> = {};
    for (const [purpose, variable] of Object.entries(portVariables)) {
      const port = await choosePort(
        { variable, remembered: context.rememberedPorts[purpose] },
        context.environment,
      );
      ports[purpose] = port;
      portEnvironment[variable] = String(port);
    }
    context.report('starting by Docker Compose', 'starting');
    await runTool({
      program: docker,
      args: ['compose', '--file', COMPOSE_FILE, 'up', '--detach', '--wait', ...services],
      environment: { ...context.environment, ...portEnvironment },
      signal: context.signal,
      timeoutMs: UP_LIMIT_MS,
      onLine: (line) => {
        context.report(line, 'starting');
      },
    });
    return {
      origin: 'compose',
      address: address(ports['main'] ?? 0),
      ports,
      startedAt: new Date().toISOString(),
    };
  };
}

/** Docker, where its engine answers; the client alone is of no use. */
async function findDocker(context: StarterContext): Promise<string | undefined> {
  const docker = await findProgram('docker', context.environment);
  if (docker === undefined) {
    context.noteFailure('Docker Compose', "no program 'docker'");
    return undefined;
  }
  try {
    await runTool({
      program: docker,
      args: ['info', '--format', '{{.ServerVersion}}'],
      environment: context.environment,
      signal: context.signal,
      timeoutMs: PROBE_LIMIT_MS,
    });
    return docker;
  } catch {
    context.signal.throwIfAborted();
    context.noteFailure('Docker Compose', 'no Docker engine answers');
    return undefined;
  }
}

/** Stops the servers of docker-compose.yml that run; their volumes stay. */
export async function stopComposeServers(servers: readonly ServerName[]): Promise<void> {
  await runTool({
    program: 'docker',
    args: [
      'compose',
      '--file',
      COMPOSE_FILE,
      'stop',
      ...servers.flatMap((server) => composeServices[server].services),
    ],
    signal: new AbortController().signal,
    timeoutMs: STOP_LIMIT_MS,
  });
}
