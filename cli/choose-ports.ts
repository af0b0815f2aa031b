import type { Environment } from '../src/infra/settings.ts';
import { choosePort } from '../stack/free-port.ts';
import { processNames, type ProcessName } from '../workers/process-name.ts';
import { readProcesses } from '../workers/process-state.ts';
import type { ProcessPorts } from '../workers/supervisor.ts';

const ATTEMPTS_MAX = 20;

/**
 * Ports for the processes of a data directory: those that the environment demands, else those of the last
 * start where they are free, else any.
 * @throws MillraceError STACK_PORT_BUSY, CONFIG_INVALID
 */
export async function chooseProcessPorts(dataDir: string, environment: Environment): Promise<ProcessPorts> {
  const before = await readProcesses(dataDir);
  const taken = new Set<number>();
  const choose = async (
    variable: string,
    remembered: number | undefined,
    demands: Environment,
  ): Promise<number> => {
    // Two questions for a free port may get the same answer: nobody listens there yet.
    for (let attempt = 1; ; attempt++) {
      const port = await choosePort(
        { variable, remembered: attempt === 1 ? remembered : undefined },
        demands,
      );
      if (!taken.has(port) || attempt === ATTEMPTS_MAX) {
        taken.add(port);
        return port;
      }
    }
  };
  const gateway = await choose('MILLRACE_GATEWAY_PORT', before?.gatewayPort, environment);
  const serving = await choose('MILLRACE_SERVING_PORT', before?.servingPort, environment);
  const servingGrpc = await choose('MILLRACE_SERVING_GRPC_PORT', before?.servingGrpcPort, environment);
  const console = await choose('MILLRACE_CONSOLE_PORT', before?.consolePort, environment);
  const metrics: Partial<Record<ProcessName, number>> = {};
  for (const name of processNames) {
    const remembered = before?.processes.find((state) => state.name === name)?.metricsPort;
    // One variable can't demand a port for every process: here it demands none.
    metrics[name] = await choose('MILLRACE_METRICS_PORT', remembered, {});
  }
  return { gateway, serving, servingGrpc, console, metrics: metrics as Record<ProcessName, number> };
}
