import { STAMP, STAMP_MAX, type LoadSpec } from '../../measure/load-spec.ts';
import { markdownTable } from '../../measure/markdown-table.ts';
import { inferBody } from '../peers/served.ts';
import type { ReferenceModel } from '../reference-project.ts';
import type { Millrace } from '../start-millrace.ts';
import { percent, runPaired, type Paired } from './paired.ts';
import type { PartReport, ServingBench } from './part.ts';

const ENTITIES = 100_000;
const EXPONENT = 1;
const CONNECTIONS = 64;
const ROUNDS = 11;
const SLOWDOWN_MAX = 0.03;
/** Twice the rows by which a cache judges whether to look rows up: among the first are some of the Zipf run. */
const WARM_UP_ANSWERS = 200_000;

/**
 * The cache of scores where some entities are asked for far more often than others, and where no row comes twice. One process
 * serves the model with a cache and without one: two processes differ by more than a cache costs. Its session runs in the process
 * itself, where a request is cheapest and a cache's share of it largest.
 */
export async function measureCache({ startMillrace, generator, rows, seconds }: ServingBench): Promise<PartReport> {
  const server = await startMillrace({ environment: { MILLRACE_SERVING_PLACEMENT: 'in-process' } });
  const body = stampedBody(rows[0]!);
  const spec = (model: ReferenceModel, stamp: LoadSpec['stamp']): LoadSpec => ({ url: server.inferUrl(model), bodies: [body], stamp: stamp!, loop: { kind: 'closed', connections: CONNECTIONS }, seconds });
  const zipf = { kind: 'zipf', entities: ENTITIES, exponent: EXPONENT } as const;
  const plain = await generator.load(spec('trees', zipf));
  const [cached, inZipf] = await countRows(server, () => generator.load(spec('trees_cached', zipf)));
  const saved = 1 - inZipf.shareOf('run') - inZipf.shareOf('skipped');
  for (const [i, model] of (['trees', 'trees_cached'] as const).entries()) await generator.load({ ...spec(model, { kind: 'counter', from: i * WARM_UP_ANSWERS }), seconds: 0, warmUpAnswers: WARM_UP_ANSWERS });
  // Each round begins where no round before could have come to.
  const distinct = (model: ReferenceModel) => ({
    server,
    load: (round: number) => generator.load(spec(model, { kind: 'counter', from: Math.floor(((round + 0.5) * STAMP_MAX) / (ROUNDS + 1)) })),
  });
  const [paired, inPairs] = await countRows(server, () => runPaired([distinct('trees'), distinct('trees_cached')], ROUNDS));
  const alike = await runPaired([distinct('trees'), distinct('trees')], ROUNDS);
  await server.stop();
  const pairsOf = (what: string, { rates, slowdown, cpuIncrease }: Paired): (string | number)[] => [what, ...rates, percent(0), percent(slowdown), percent(cpuIncrease)];
  const lines = [
    [`Zipf, s = ${EXPONENT}, ${ENTITIES.toLocaleString('en-US')} entities, none of them in the cache`, plain.rate, cached.rate, percent(saved), '-', '-'],
    pairsOf(`no row twice, ${ROUNDS} pairs`, paired),
    pairsOf('neither with a cache, as many pairs', alike),
  ];
  const columns = ['load', 'off: requests/s', 'memory: requests/s', 'rows saved', 'slower by', 'CPU a request more by'];
  return {
    title: `Cache of scores, 200 trees, ${CONNECTIONS} connections`,
    text: `${inZipf.all.toLocaleString('en-US')} rows in the Zipf run. Of those that never came twice ${percent(inPairs.shareOf('skipped'))} were run without a look.\n\n${markdownTable(columns, lines)}`,
    targets: [{ what: `cache without a hit: no slowdown over ${SLOWDOWN_MAX * 100} % (CPU a request)`, found: percent(paired.cpuIncrease), met: paired.cpuIncrease <= SLOWDOWN_MAX }],
  };
}

/** The last number is the stamp's: seven digits behind the point, which float32 tells apart. */
const stampedBody = (row: readonly number[]): string => inferBody([...row.slice(0, -1), 0.5]).replace(',0.5]', `,0.${STAMP}]`);

/** A load, and the rows that the cache met meanwhile: how many, and what became of them. */
async function countRows<T>(server: Millrace, load: () => Promise<T>) {
  const before = await rowsByOutcome(server);
  const figures = await load();
  const after = await rowsByOutcome(server);
  const counted = (outcome: string): number => (after.get(outcome) ?? 0) - (before.get(outcome) ?? 0);
  const all = [...after.keys()].reduce((sum, outcome) => sum + counted(outcome), 0);
  return [figures, { all, shareOf: (outcome: string): number => counted(outcome) / all }] as const;
}

async function rowsByOutcome(server: Millrace): Promise<Map<string, number>> {
  const metric = await server.process.metric('millrace_cache_rows_total');
  const ofModel = [...metric].filter(([labels]) => labels.includes('model="trees_cached"'));
  return new Map(ofModel.map(([labels, value]) => [/outcome="(\w+)"/.exec(labels)?.[1] ?? '', value]));
}
