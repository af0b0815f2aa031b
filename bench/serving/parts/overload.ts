import { markdownTable } from '../../measure/markdown-table.ts';
import { median } from '../../measure/quantile.ts';
import type { LoadSpec } from '../../measure/load-spec.ts';
import { inferBody } from '../peers/served.ts';
import type { ReferenceModel } from '../reference-project.ts';
import { binaryLoad } from './binary-load.ts';
import type { PartReport, ServingBench, Target } from './part.ts';

const TIMES_OFFERED = 2;
const GOODPUT_WANTED = 0.9;
/** What the machine does meanwhile differs; the middle one of an odd number counts. */
const TURNS = 3;
/** What a request is allowed by default. */
const IN_TIME_MS = 1_000;
const ROWS = 256;

/** Opening thousands of connections is not what is measured. */
const WARM_UP_SECONDS = 6;

interface Kind {
  readonly what: string;
  readonly model: ReferenceModel;
  readonly connections: number;
  readonly load: Pick<LoadSpec, 'bodies' | 'headers'>;
}

/**
 * Twice what the server answers in a closed loop, as an open loop that opens connections as it needs them, and gives a request up
 * where all are busy. Single rows in JSON are bound by the reading of requests, which a refusal costs too, or, where batches
 * are of one row, by the turns of the event loop; many rows as binary tensors by the model.
 */
export async function measureOverload({ startMillrace, generator, rows, seconds }: ServingBench): Promise<PartReport> {
  const millrace = await startMillrace();
  const kinds: readonly Kind[] = [
    { what: `${ROWS} rows, binary tensor`, model: 'trees', connections: 16, load: binaryLoad(rows, ROWS) },
    { what: '1 row, JSON', model: 'trees', connections: 256, load: { bodies: rows.map(inferBody) } },
    { what: '1 row, JSON, batches of one row', model: 'trees_unbatched', connections: 256, load: { bodies: rows.map(inferBody) } },
  ];
  const lines: (string | number)[][] = [];
  const targets: Target[] = [];
  for (const { what, model, connections, load } of kinds) {
    const url = millrace.inferUrl(model);
    const turns = [];
    for (let turn = 0; turn < TURNS; turn++) {
      const { rate: capacity } = await generator.load({ url, ...load, loop: { kind: 'closed', connections }, seconds });
      const offered = TIMES_OFFERED * capacity;
      const figures = await generator.load({ url, ...load, loop: { kind: 'open', rate: offered, givesUp: true }, seconds, warmUpSeconds: WARM_UP_SECONDS, inTimeMs: IN_TIME_MS });
      turns.push({ ...figures, capacity, offered, goodput: figures.inTimeRate / capacity });
    }
    const shares = turns.map(({ goodput }) => goodput);
    const goodput = median(shares);
    const { capacity, offered, rate, inTimeRate, ms, refusedRate, refusalMs, failures } = turns[shares.indexOf(goodput)]!;
    lines.push([what, capacity, offered, rate, inTimeRate, shares.map(wholePercent).join(', '), ms.p99, refusedRate, refusalMs.p50, refusalMs.p99, statusesOf(failures)]);
    targets.push({ what: `overload: goodput of ${wholePercent(GOODPUT_WANTED)}, ${what}`, found: wholePercent(goodput), met: goodput >= GOODPUT_WANTED });
  }
  await millrace.stop();
  const columns = ['request', 'capacity/s', 'offered/s', 'accepted/s', 'of them in time', 'of capacity, each turn', 'p99 of accepted ms', 'refused/s', 'refusal p50 ms', 'p99', 'by status'];
  return { title: 'Overload, 200 trees', text: markdownTable(columns, lines), targets };
}

const wholePercent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** Status 0 is a request that was not answered at all. */
const statusesOf = (failures: Readonly<Record<number, number>>): string =>
  Object.entries(failures).map(([status, count]) => `${status}: ${count}`).join(', ') || 'none';
