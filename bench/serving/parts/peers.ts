import { median } from '../../measure/quantile.ts';
import { markdownTable, shown } from '../../measure/markdown-table.ts';
import { goldenBatch, referenceOnnx } from '../reference-models.ts';
import type { Served, ServedModel } from '../peers/served.ts';
import { withCpu } from './with-cpu.ts';
import type { PartReport, ServingBench, Target } from './part.ts';

const CONNECTIONS = [1, 16, 64, 256] as const;
const COMPARED_AT = 64;
/** Requests a second of the open loops. */
const RATES = [250, 1_000, 4_000] as const;
/** Turns of all servers at each rate: a pause of the machine falls into one of them, and the median is of none. */
const OPEN_TURNS = 3;
/** A rate is asked of a server that gives so many times as much in a closed loop. */
const HEADROOM = 1.25;
const CHECKED_ROWS = 4;
/** Float32 by another build of ONNX Runtime. */
const SCORE_TOLERANCE = 1e-5;
/** How many times a peer's rate is the target. */
const TIMES_WANTED = [['Triton', 3], ['MLServer', 15], ['BentoML', 30]] as const;
const SHARE_OF_BARE_WANTED = 0.8;
const MICROSECONDS = 1_000;

interface Figure {
  readonly rate: number;
  readonly cpuMs: number;
  readonly p99: number;
}
/** By server, model and connections. */
type Figures = ReadonlyMap<string, Figure>;
/** By server, model and rate: p99, ms. */
type Latencies = ReadonlyMap<string, number>;
const keyOf = (server: Served, model: ServedModel, load: number): string => `${server.name}|${model}|${load}`;

/** Single rows, all servers in turn at each load, so that what else the machine does falls on all of them. */
export async function comparePeers(bench: ServingBench): Promise<PartReport> {
  const millrace = await bench.startMillrace();
  const servers = [millrace, ...bench.peers];
  try {
    for (const server of servers) await checkScores(server, bench.rows);
    const closed = await runClosed(bench, servers);
    const open = await runOpen(bench, servers, closed);
    const tables = (['mlp', 'trees'] as const).flatMap((model) => [closedTable(servers, model, closed), openTable(servers, model, open)]);
    const missing = bench.missing.map((one) => `Not measured: ${one}`);
    return { title: 'Single rows of raw tensors, over REST', text: [...tables, ...missing].join('\n\n'), targets: [...targetsOf(servers, closed), ...latencyTargetsOf(servers, open)] };
  } finally {
    await millrace.stop();
  }
}

/** @throws Error where a server answers another score than ONNX Runtime gives here */
async function checkScores(server: Served, rows: ServingBench['rows']): Promise<void> {
  for (const [model, onnx] of Object.entries(referenceOnnx()) as [ServedModel, Uint8Array][]) {
    const { scores } = await goldenBatch(onnx);
    for (const [i, row] of rows.slice(0, CHECKED_ROWS).entries()) {
      const answer = await fetch(server.url(model), { method: 'POST', headers: { 'content-type': 'application/json', ...server.headers }, body: server.body(row) });
      const score = server.scoreOf(await answer.json());
      if (score !== undefined && !(Math.abs(score - scores[i]!) <= SCORE_TOLERANCE))
        throw new Error(`${server.name}: row ${i} of ${model} has score ${score}, expected ${scores[i]}`);
    }
  }
}

async function runClosed({ generator, rows, seconds }: ServingBench, servers: readonly Served[]): Promise<Figures> {
  const figures = new Map<string, Figure>();
  for (const model of ['mlp', 'trees'] as const) {
    for (const connections of CONNECTIONS) {
      for (const server of servers) {
        const bodies = rows.map((row) => server.body(row));
        const load = { url: server.url(model), headers: server.headers, bodies, loop: { kind: 'closed', connections }, seconds } as const;
        const { rate, ms, cpuMs } = await withCpu(server, () => generator.load(load));
        figures.set(keyOf(server, model, connections), { rate, cpuMs, p99: ms.p99 });
      }
    }
  }
  return figures;
}

/** @returns by server, model and rate the p99, ms: the median of the turns */
async function runOpen({ generator, rows, seconds }: ServingBench, servers: readonly Served[], closed: Figures): Promise<Latencies> {
  const turns = new Map<string, number[]>();
  for (const model of ['mlp', 'trees'] as const) {
    for (const rate of RATES) {
      const able = servers.filter((server) => (closed.get(keyOf(server, model, COMPARED_AT))?.rate ?? 0) >= rate * HEADROOM);
      for (let turn = 0; turn < OPEN_TURNS; turn++) {
        for (const server of able) {
          const bodies = rows.map((row) => server.body(row));
          const load = { url: server.url(model), headers: server.headers, bodies, loop: { kind: 'open', rate }, seconds } as const;
          const { ms } = await generator.load(load);
          const key = keyOf(server, model, rate);
          turns.set(key, [...(turns.get(key) ?? []), ms.p99]);
        }
      }
    }
  }
  return new Map([...turns].map(([key, p99s]) => [key, median(p99s)]));
}

const modelNames = { mlp: 'Network 40-128-64-1', trees: '200 trees of 31 leaves' } as const;

function closedTable(servers: readonly Served[], model: ServedModel, figures: Figures): string {
  const bare = rateOf(servers, 'floor', model, figures);
  const rows = servers.map((server) => {
    const cells = CONNECTIONS.map((connections) => {
      const { rate, p99 } = figures.get(keyOf(server, model, connections))!;
      return `${shown(rate)} (${shown(p99)})`;
    });
    const compared = figures.get(keyOf(server, model, COMPARED_AT))!;
    return [server.name, ...cells, `${((100 * compared.rate) / bare).toFixed(0)} %`, (compared.cpuMs * MICROSECONDS).toFixed(0)];
  });
  const columns = ['server', ...CONNECTIONS.map((n) => (n === 1 ? '1 connection' : String(n))), `of bare Node at ${COMPARED_AT}`, `CPU us a request at ${COMPARED_AT}`];
  return `${modelNames[model]}, closed loop: requests a second (p99 ms)\n\n${markdownTable(columns, rows)}`;
}

function openTable(servers: readonly Served[], model: ServedModel, latencies: Latencies): string {
  const rows = servers.map((server) => [server.name, ...RATES.map((rate) => latencies.get(keyOf(server, model, rate)) ?? Number.NaN)]);
  const columns = ['server', ...RATES.map((rate) => `${rate.toLocaleString('en-US')} a second`)];
  return `${modelNames[model]}, open loop: p99 ms at the same rate, the median of ${OPEN_TURNS} turns (- where it is out of reach)\n\n${markdownTable(columns, rows)}`;
}

const rateOf = (servers: readonly Served[], kind: Served['kind'], model: ServedModel, figures: Figures): number => {
  const server = servers.find((one) => one.kind === kind);
  return server === undefined ? Number.NaN : figures.get(keyOf(server, model, COMPARED_AT))!.rate;
};

function targetsOf(servers: readonly Served[], figures: Figures): Target[] {
  return (['mlp', 'trees'] as const).flatMap((model) => {
    const own = rateOf(servers, 'Millrace', model, figures);
    const share = own / rateOf(servers, 'floor', model, figures);
    const targets = [{ what: `${model}: at least ${SHARE_OF_BARE_WANTED * 100} % of the bare Node server, ${COMPARED_AT} connections`, found: `${(100 * share).toFixed(0)} %`, met: share >= SHARE_OF_BARE_WANTED }];
    for (const [kind, wanted] of TIMES_WANTED) {
      const times = own / rateOf(servers, kind, model, figures);
      if (!Number.isNaN(times)) targets.push({ what: `${model}: ${wanted} times ${kind}, ${COMPARED_AT} connections`, found: times.toFixed(1), met: times >= wanted });
    }
    return targets;
  });
}

/** At each rate that a peer reaches: the p99 of none of them is lower. */
function latencyTargetsOf(servers: readonly Served[], latencies: Latencies): Target[] {
  const p99Of = (server: Served, model: ServedModel, rate: number): number => latencies.get(keyOf(server, model, rate)) ?? Infinity;
  const peers = servers.filter(({ kind }) => kind !== 'Millrace' && kind !== 'floor');
  return (['mlp', 'trees'] as const).flatMap((model) =>
    RATES.flatMap((rate) => {
      const least = Math.min(...peers.map((peer) => p99Of(peer, model, rate)));
      if (least === Infinity) return [];
      const own = p99Of(servers.find(({ kind }) => kind === 'Millrace')!, model, rate);
      return [{ what: `${model}: p99 below every peer's at ${rate.toLocaleString('en-US')} a second`, found: `${shown(own)} ms beside ${shown(least)}`, met: own <= least }];
    }),
  );
}
