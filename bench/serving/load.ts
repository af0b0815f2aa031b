/** Load generator, a process of its own: `load.ts <url> <bodies.json> open <rate> | closed <connections> <seconds>`. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';

const [url = '', bodiesFile = '', mode = '', figure = '', duration = ''] = process.argv.slice(2);
const bodies = JSON.parse(readFileSync(bodiesFile, 'utf8')) as string[];
const seconds = Number(duration);
const OPEN_LOOP_CONNECTIONS = 64;
/** What came before is warm-up. */
const MEASURE_FROM = 0.2;

const pool = new Pool(new URL(url).origin, { connections: mode === 'open' ? OPEN_LOOP_CONNECTIONS : Number(figure) });
const path = new URL(url).pathname;
const latencies: number[] = [];
const failures = new Map<number, number>();
const startedAt = performance.now();
const elapsed = (): number => (performance.now() - startedAt) / 1_000;
let next = 0;

/** Latency counts from when the request was due, so that a stall shows in every request that it held up. */
async function ask(dueAt: number): Promise<void> {
  const body = bodies[next++ % bodies.length] as string;
  const answer = await pool.request({ method: 'POST', path, headers: { 'content-type': 'application/json' }, body });
  await answer.body.arrayBuffer();
  if (answer.statusCode !== 200) failures.set(answer.statusCode, (failures.get(answer.statusCode) ?? 0) + 1);
  else if (elapsed() > seconds * MEASURE_FROM) latencies.push(performance.now() - dueAt);
}

if (mode === 'open') {
  const rate = Number(figure);
  const pending: Promise<void>[] = [];
  for (let sent = 0; sent < rate * seconds; ) {
    const due = Math.min(Math.floor(elapsed() * rate), rate * seconds);
    for (; sent < due; sent++) pending.push(ask(startedAt + (sent / rate) * 1_000));
    await sleep(1);
  }
  await Promise.all(pending);
} else {
  await Promise.all(
    Array.from({ length: Number(figure) }, async () => {
      while (elapsed() < seconds) await ask(performance.now());
    }),
  );
}
const sorted = latencies.sort((a, b) => a - b);
const quantile = (q: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
const perSecond = sorted.length / (seconds * (1 - MEASURE_FROM));
process.stdout.write(
  `${mode} ${figure}: ${perSecond.toFixed(0)} requests/s, p50 ${quantile(0.5).toFixed(2)} ms, p95 ${quantile(0.95).toFixed(2)} ms, ` +
    `p99 ${quantile(0.99).toFixed(2)} ms, failures ${JSON.stringify([...failures])}\n`,
);
await pool.close();
