import { markdownTable } from '../../measure/markdown-table.ts';
import { inferBody } from '../peers/served.ts';
import type { ReferenceModel } from '../reference-project.ts';
import { withCpu } from './with-cpu.ts';
import type { PartReport, ServingBench, Target } from './part.ts';

const CONNECTIONS = [1, 256] as const;
const TIMES_WANTED = 3;
const MICROSECONDS = 1_000;

/** The heavier model with batches of up to 256 rows and of one row, with its session in a child process and in the server's own. */
export async function compareBatching({ startMillrace, generator, rows, seconds }: ServingBench): Promise<PartReport> {
  const bodies = rows.map(inferBody);
  const lines: (string | number)[][] = [];
  const targets: Target[] = [];
  for (const placement of ['child', 'in-process']) {
    const millrace = await startMillrace({ environment: { MILLRACE_SERVING_PLACEMENT: placement } });
    for (const connections of CONNECTIONS) {
      const load = (model: ReferenceModel): ReturnType<typeof withCpu> =>
        withCpu(millrace, () => generator.load({ url: millrace.inferUrl(model), bodies, loop: { kind: 'closed', connections }, seconds }));
      const [off, on] = [await load('trees_unbatched'), await load('trees')];
      const times = on.rate / off.rate;
      const cpuUs = [off, on].map(({ cpuMs }) => (cpuMs * MICROSECONDS).toFixed(0));
      lines.push([placement, String(connections), off.rate, off.ms.p99, on.rate, on.ms.p99, times.toFixed(2), ...cpuUs]);
      if (connections > 1)
        targets.push({ what: `batching: at least ${TIMES_WANTED} times at ${connections} connections, session ${placement}`, found: times.toFixed(1), met: times >= TIMES_WANTED });
    }
    await millrace.stop();
  }
  const columns = ['session', 'connections', 'off: requests/s', 'p99 ms', 'on: requests/s', 'p99 ms', 'times', 'off: CPU us a request', 'on'];
  return { title: 'Batching, 200 trees, single rows', text: markdownTable(columns, lines), targets };
}
