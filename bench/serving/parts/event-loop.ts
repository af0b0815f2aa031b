import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../../measure/bench-process.ts';
import { markdownTable } from '../../measure/markdown-table.ts';
import { inferBody } from '../peers/served.ts';
import { binaryLoad } from './binary-load.ts';
import type { PartReport, ServingBench, Target } from './part.ts';

const MONITOR = pathToFileURL(path.join(ROOT, 'bench/serving/loop-delay.ts')).href;
const P99_WANTED_MS = 5;
const ROWS = 256;

/** How late the event loop of the serving process is while the model has all it can do. */
export async function measureEventLoop({ startMillrace, generator, rows, seconds }: ServingBench): Promise<PartReport> {
  const loads = [
    { what: `${ROWS} rows, binary tensor`, connections: 16, load: binaryLoad(rows, ROWS) },
    { what: '1 row, JSON', connections: 64, load: { bodies: rows.map(inferBody) } },
    { what: '1 row, JSON', connections: 256, load: { bodies: rows.map(inferBody) } },
  ];
  const lines: (string | number)[][] = [];
  const targets: Target[] = [];
  for (const placement of ['child', 'in-process'] as const) {
    const millrace = await startMillrace({ environment: { MILLRACE_SERVING_PLACEMENT: placement }, nodeArgs: ['--import', MONITOR] });
    for (const { what, connections, load } of loads) {
      await millrace.process.loopDelay();
      const { rate } = await generator.load({ url: millrace.inferUrl('trees'), ...load, loop: { kind: 'closed', connections }, seconds });
      const { p50, p99, max } = await millrace.process.loopDelay();
      lines.push([placement, what, String(connections), rate, p50, p99, max]);
      if (placement === 'child' && connections < 256)
        targets.push({ what: `event loop: p99 under ${P99_WANTED_MS} ms, inference saturated by ${what}`, found: `${p99.toFixed(1)} ms`, met: p99 < P99_WANTED_MS });
    }
    await millrace.stop();
  }
  return { title: 'Delay of the event loop, 200 trees, inference saturated', text: markdownTable(['session', 'request', 'connections', 'requests/s', 'p50 ms', 'p99 ms', 'most ms'], lines), targets };
}
