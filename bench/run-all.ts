/**
 * All benches of bench/README.md that need no finished run, one after the other, over servers of their own; or those that
 * are named. Shows what they print, machine, commit and command first, and writes it to a folder, a file each.
 *
 *     npm run bench [-- --out DIR] [name ...]
 */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { processEnvironment } from '../src/infra/process-environment.ts';
import { createProgressRenderer } from '../stack/progress-renderer.ts';
import { startStack } from '../stack/start-stack.ts';
import { ROOT } from './measure/bench-process.ts';

/** Command lines behind `npx tsx`, by name. The growth of the fold is left out: it writes its part of bench/README.md itself. */
const BENCHES: Readonly<Record<string, readonly string[]>> = {
  'fold-core': ['bench/fold/fold-core.ts'],
  'changing-source': ['bench/fold/changing-source.ts'],
  'fold-from-kafka': ['bench/stream/fold-from-kafka.ts', '--events', '1600000', '--turns', '3', '--batch', '4'],
  'ingest-to-redis': ['bench/stream/ingest-to-redis.ts', '--months', '3'],
  'online-features': ['bench/serving/online-features.ts'],
  predict: ['bench/serving/predict.ts'],
  'point-in-time': ['bench/historical/point-in-time.ts'],
  feast: ['bench/feast/run-feast.ts'],
  serving: ['bench/serving/run-serving.ts'],
};

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: { out: { type: 'string', default: path.join('.millrace', 'bench') } },
    allowPositionals: true,
  });
  const unknown = positionals.filter((name) => BENCHES[name] === undefined);
  if (unknown.length > 0) {
    console.error(`No such benches: ${unknown.join(', ')}. There are: ${Object.keys(BENCHES).join(', ')}.`);
    return 2;
  }
  mkdirSync(values.out, { recursive: true });
  const dataDir = mkdtempSync(path.join(tmpdir(), 'millrace-bench-'));
  const renderer = createProgressRenderer(process.stderr);
  const stack = await startStack({ dataDir, environment: processEnvironment(), onProgress: renderer.onProgress });
  renderer.close();
  const failed: string[] = [];
  try {
    for (const [name, args] of Object.entries(BENCHES)) {
      if (positionals.length > 0 && !positionals.includes(name)) continue;
      const file = path.join(values.out, `${name}.md`);
      if ((await runBench(args, file, stack.environment)) !== 0) failed.push(name);
    }
  } finally {
    await stack.stop();
    rmSync(dataDir, { recursive: true });
  }
  console.log(`Written to ${values.out}.${failed.length === 0 ? '' : ` Failed: ${failed.join(', ')}.`}`);
  return failed.length === 0 ? 0 : 1;
}

function runBench(args: readonly string[], file: string, servers: Readonly<Record<string, string>>): Promise<number | null> {
  const out = createWriteStream(file);
  const show = (text: string | Buffer): void => {
    process.stdout.write(text);
    out.write(text);
  };
  const child = spawn(process.execPath, ['--import', 'tsx', ...args], {
    cwd: ROOT,
    env: { ...processEnvironment(), ...servers },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.on('data', show);
  return new Promise((resolve) => {
    child.once('close', (code) => {
      out.end(() => { resolve(code); });
    });
  });
}

process.exitCode = await main();
