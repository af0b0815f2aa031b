import type { StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { choosePort } from '../../stack/free-port.ts';
import { run } from '../measure/bench-process.ts';
import type { LoopDelay } from './loop-delay.ts';

const START_MS_MAX = 60_000;
const POLL_MS = 100;
const STDERR = 2;

export interface ServingProcessOptions {
  /** Settings over the bench's own. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly core?: number | undefined;
  readonly nodeArgs?: readonly string[];
  /** With each request that this object makes itself. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ServingUsage {
  readonly cpuMs: number;
  readonly requests: number;
  readonly rssMiB: number;
}

interface VersionState {
  readonly version: number;
  readonly placement: string;
}

export type ServingProcess = Awaited<ReturnType<typeof startServing>>;

/** The real serving process with everything on, on ports of its own. */
export async function startServing({ environment, core, nodeArgs = [], headers = {} }: ServingProcessOptions) {
  const port = await choosePort({ variable: '' }, {});
  const grpcPort = await choosePort({ variable: '' }, {});
  const settings = {
    MILLRACE_SERVING_PORT: String(port),
    MILLRACE_SERVING_GRPC_PORT: String(grpcPort),
    MILLRACE_SERVING_PROVIDERS: 'cpu',
    MILLRACE_LOG_LEVEL: 'warn',
  };
  // By its channel it ends with this process, however that ends. Its log goes where no table is.
  const stdio: StdioOptions = ['ignore', STDERR, 'inherit', 'ipc'];
  const serving = run('workers/serving.ts', [], { environment: { ...settings, ...environment }, core, nodeArgs, stdio });
  const origin = `http://127.0.0.1:${port}`;
  const get = (path: string): Promise<Response | null> => fetch(`${origin}${path}`, { headers }).catch(() => null);
  const until = async <T>(what: string, look: () => Promise<T | undefined>): Promise<T> => {
    for (const giveUpAt = performance.now() + START_MS_MAX; performance.now() < giveUpAt; await sleep(POLL_MS)) {
      const found = await look();
      if (found !== undefined) return found;
    }
    throw new Error(`serving process at ${origin}: ${what} did not come within ${START_MS_MAX} ms`);
  };
  const metrics = async (): Promise<string> => (await get('/metrics'))?.text() ?? '';
  return {
    origin,
    pid: serving.child.pid!,
    grpcAddress: `127.0.0.1:${grpcPort}`,
    /** Resolves once it answers at all. */
    answers: () => until('an answer', async () => ((await get('/v1/health/live'))?.ok === true ? true : undefined)),
    /** Resolves once a model's champion is loaded. */
    champion: (model: string) =>
      until(`the champion of ${model}`, async () => {
        const answer = await get(`/v1/models/${model}`);
        if (answer?.ok !== true) return undefined;
        const { champion, versions } = (await answer.json()) as { champion: number | null; versions: VersionState[] };
        return champion === null ? undefined : versions.find(({ version }) => version === champion);
      }),
    /** A metric's values by the text of its labels. */
    async metric(name: string): Promise<Map<string, number>> {
      const lines = (await metrics()).matchAll(new RegExp(`^${name}(\\{[^}]*\\})? (\\S+)`, 'gm'));
      return new Map([...lines].map(([, labels = '', value]) => [labels, Number(value)]));
    },
    /** CPU time tells the cost of the code even where others use the machine. */
    async usage(countMetric: string): Promise<ServingUsage> {
      const text = await metrics();
      const sum = (metric: string): number =>
        [...text.matchAll(new RegExp(`^${metric}(?:\\{[^}]*\\})? (\\S+)`, 'gm'))].reduce((total, [, value]) => total + Number(value), 0);
      return {
        cpuMs: sum('process_cpu_seconds_total') * 1_000,
        requests: sum(countMetric),
        rssMiB: sum('process_resident_memory_bytes') / 2 ** 20,
      };
    },
    /** Since it was last asked; only of a process that was started with loop-delay.ts. */
    async loopDelay(): Promise<LoopDelay> {
      serving.child.send('loop-delay');
      const [delay] = (await once(serving.child, 'message')) as [LoopDelay];
      return delay;
    },
    async stop(): Promise<void> {
      if (serving.child.exitCode !== null || serving.child.signalCode !== null) return;
      serving.child.kill('SIGTERM');
      const code = await serving.ended;
      if (code !== 0) console.error(`serving ended with code ${String(code)}`);
    },
  };
}
