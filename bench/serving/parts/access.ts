import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createApiKey } from '../../../src/infra/api-key.ts';
import { markdownTable } from '../../measure/markdown-table.ts';
import { inferBody } from '../peers/served.ts';
import type { Millrace } from '../start-millrace.ts';
import { percent, runPaired } from './paired.ts';
import type { PartReport, ServingBench } from './part.ts';

const CONNECTIONS = 64;
const ROUNDS = 5;
const MICROSECONDS = 1_000;

/** What an API key costs a request: the same process without access control and with a file of one key. */
export async function measureAccess({ stage, startMillrace, generator, rows, seconds }: ServingBench): Promise<PartReport> {
  const { key, entry } = createApiKey('bench', ['admin']);
  const file = path.join(stage.dataDir, 'api-keys.json');
  writeFileSync(file, JSON.stringify({ keys: [entry] }));
  const open = await startMillrace();
  // Where the session runs is measured at its warm-up: both must have come to the same.
  const environment = { MILLRACE_SERVING_API_KEYS_FILE: file, MILLRACE_SERVING_PLACEMENT: open.placements.mlp };
  const guarded = await startMillrace({ environment, headers: { 'x-api-key': key } });
  const bodies = rows.map(inferBody);
  const load = (server: Millrace) => () =>
    generator.load({ url: server.inferUrl('mlp'), headers: server.headers, bodies, loop: { kind: 'closed', connections: CONNECTIONS }, seconds });
  const { rates, cpuMs, slowdown, cpuIncrease } = await runPaired([{ server: open, load: load(open) }, { server: guarded, load: load(guarded) }], ROUNDS);
  await Promise.all([open.stop(), guarded.stop()]);
  const microseconds = (cpuMs[1] - cpuMs[0]) * MICROSECONDS;
  return {
    title: `Access control by API key, network, ${CONNECTIONS} connections, ${ROUNDS} pairs`,
    text: markdownTable(['open: requests/s', 'with a key: requests/s', 'slower by', 'CPU a request more by', 'that is'], [[...rates, percent(slowdown), percent(cpuIncrease), `${microseconds.toFixed(1)} us`]]),
    targets: [],
  };
}
