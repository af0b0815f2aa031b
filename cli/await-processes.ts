import { setTimeout as sleep } from 'node:timers/promises';
import { request, type Dispatcher } from 'undici';
import { MillraceError } from '../src/core/millrace-error.ts';
import type { ProcessName } from '../workers/process-name.ts';
import { consoleUrlOf, gatewayUrlOf, servingUrlOf } from '../workers/process-urls.ts';
import type { Supervisor } from '../workers/supervisor.ts';
import { agentWithCertificate } from './client-certificate.ts';
import type { CommandContext } from './command-context.ts';

const READY_LIMIT_MS = 120_000;
const POLL_MS = 100;
const LIVE = '/v1/health/live';
const PROBE_LIMIT_MS = 1_000;
/** A process that ends this often before it ever answered will not answer. */
const RESTARTS_MAX = 4;

/**
 * Waits until the gateway, serving and the console answer. Whether a model is ready is not asked: before the first
 * training none is.
 * @throws MillraceError PROCESS_UNREACHABLE
 */
export async function awaitProcesses(context: CommandContext, supervisor: Supervisor): Promise<void> {
  const environment = await context.environment();
  const agent = await agentWithCertificate(environment);
  // Where a process asks for certificates and there is none to show, its metrics port tells as much: it opens once the process listens.
  const liveOf = (name: ProcessName, url: string, clientCaFile: string | undefined): string => {
    if (!clientCaFile || agent !== undefined) return `${url}${LIVE}`;
    const metricsPort = supervisor.state().processes.find((candidate) => candidate.name === name)?.metricsPort;
    return `http://127.0.0.1:${metricsPort ?? 0}/healthz`;
  };
  const gateway = liveOf('gateway', gatewayUrlOf(environment), environment['MILLRACE_GATEWAY_TLS_CLIENT_CA_FILE']);
  const serving = liveOf('serving', servingUrlOf(environment), environment['MILLRACE_SERVING_TLS_CLIENT_CA_FILE']);
  try {
    await Promise.all([
      awaitAnswer(context, supervisor, 'gateway', gateway, agent),
      awaitAnswer(context, supervisor, 'serving', serving, agent),
      awaitAnswer(context, supervisor, 'console', `${consoleUrlOf(environment)}${LIVE}`),
    ]);
  } finally {
    await agent?.close();
  }
}

async function awaitAnswer(
  context: CommandContext,
  supervisor: Supervisor,
  name: ProcessName,
  url: string,
  agent?: Dispatcher,
): Promise<void> {
  const deadline = Date.now() + READY_LIMIT_MS;
  while (!(await answers(url, agent))) {
    const state = supervisor.state().processes.find((candidate) => candidate.name === name);
    if (Date.now() > deadline || (state?.restarts ?? 0) >= RESTARTS_MAX) {
      throw new MillraceError(
        'PROCESS_UNREACHABLE',
        `Process '${name}' does not answer at ${url} (started again ${state?.restarts ?? 0} times). Its log '${state?.logFile ?? ''}' says why.`,
      );
    }
    await sleep(POLL_MS, undefined, { signal: context.signal });
  }
}

async function answers(url: string, agent: Dispatcher | undefined): Promise<boolean> {
  try {
    const { statusCode, body } = await request(url, {
      ...(agent === undefined ? {} : { dispatcher: agent }),
      headersTimeout: PROBE_LIMIT_MS,
      bodyTimeout: PROBE_LIMIT_MS,
    });
    await body.dump();
    return statusCode === 200;
  } catch {
    return false;
  }
}
