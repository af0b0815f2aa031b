import { markdownTable } from '../../measure/markdown-table.ts';
import { compileService } from '../../../src/fold/compile-service.ts';
import { asOf } from '../bench-stage.ts';
import { inferBody } from '../peers/served.ts';
import { reference, requestNumbers } from '../reference-project.ts';
import { withCpu } from './with-cpu.ts';
import type { PartReport, ServingBench } from './part.ts';

const CUSTOMERS = 10_000;
const CONNECTIONS = 64;
const OPEN_CONNECTIONS = 128;
const SHARE_WANTED = 0.5;
const MICROSECONDS = 1_000;
/** Of each kind of request: its code is compiled anew for a while. */
const WARM_UP_ANSWERS = 60_000;

/** Predictions by entity keys (three views and 20 features read from Redis, a decision logged) beside the same rows as raw tensors. */
export async function compareKeys({ stage, startMillrace, generator, rows, seconds }: ServingBench): Promise<PartReport> {
  const customers = Array.from({ length: CUSTOMERS }, (_, i) => `c${i}`);
  for (const view of compileService(reference).views) await stage.writeStates(view, customers);
  const millrace = await startMillrace();
  const byKeys = customers.map((customer, i) => {
    const row = rows[i % rows.length]!;
    const numbers = Object.fromEntries(requestNumbers.map((name, n) => [name, row[n]]));
    return JSON.stringify({ instance: { customer, ...numbers }, asOf });
  });
  const loads = [
    { what: 'raw tensors', url: millrace.inferUrl('mlp'), bodies: rows.map(inferBody) },
    { what: 'entity keys', url: millrace.predictUrl('mlp'), bodies: byKeys },
  ];
  for (const load of loads) await generator.load({ ...load, loop: { kind: 'closed', connections: CONNECTIONS }, seconds: 0, warmUpAnswers: WARM_UP_ANSWERS });
  const closed: Awaited<ReturnType<typeof withCpu>>[] = [];
  for (const load of loads) closed.push(await withCpu(millrace, () => generator.load({ ...load, loop: { kind: 'closed', connections: CONNECTIONS }, seconds })));
  const half = Math.floor(closed[1]!.rate / 2);
  const lines = [];
  for (const [i, load] of loads.entries()) {
    const open = await generator.load({ ...load, loop: { kind: 'open', rate: half, connectionsMax: OPEN_CONNECTIONS }, seconds });
    lines.push([load.what, closed[i]!.rate, closed[i]!.ms.p99, (closed[i]!.cpuMs * MICROSECONDS).toFixed(0), open.ms.p50, open.ms.p99]);
  }
  await millrace.stop();
  const share = closed[1]!.rate / closed[0]!.rate;
  return {
    title: 'By entity keys beside raw tensors, network',
    text: markdownTable(['request', `${CONNECTIONS} connections: requests/s`, 'p99 ms', 'CPU us a request', `at ${half} a second: p50 ms`, 'p99 ms'], lines),
    targets: [{ what: `by keys: at least ${SHARE_WANTED * 100} % of raw tensors`, found: `${(100 * share).toFixed(0)} %`, met: share >= SHARE_WANTED }],
  };
}
