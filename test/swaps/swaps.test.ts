import path from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { createRandom, type SeededRandom } from '../../src/training/seeded-random.ts';
import { createServingStage, WEIGHTS } from '../support/serving/serving-stage.ts';
import { tinyScore, type TinyModel } from '../support/serving/tiny-onnx.ts';
import { CheckedLoad } from './checked-load.ts';
import { startServingUnderTest, type Memory } from './serving-under-test.ts';

const seed = Number(process.env['MILLRACE_SWAPS_SEED'] ?? Date.now() % 1_000_000);
const swaps = Number(process.env['MILLRACE_SWAPS'] ?? 1_000);
const VERSIONS = 6;
const CONNECTIONS = 16;
/** Memory is compared from here on: caches, code and the sessions that may live in the process are full by then. */
const SETTLED_AFTER = Math.floor(swaps / 4);
/** What a heap and its fragments vary by. */
const GROWTH_MIB_MAX = 48;
const SWAP_LIMIT_MS = 60_000;

const say = (text: string): boolean => process.stdout.write(`${text}\n`);

interface Allocated {
  readonly champion: number;
  readonly canary?: { readonly version: number; readonly share: number };
  readonly shadow?: number;
}

/** Promotion of any version, rollback to the one before, a canary or a shadow beside the champion, and their end. */
function nextAllocation(now: Allocated, before: number, versions: readonly number[], { uniform: random }: SeededRandom): Allocated {
  const draw = (): number => versions[Math.floor(random() * versions.length)]!;
  const { champion } = now;
  const kind = random();
  if (kind < 0.3) return { champion: now.canary?.version ?? draw() };
  if (kind < 0.5) return { champion: before };
  const other = versions.filter((version) => version !== champion)[Math.floor(random() * (versions.length - 1))]!;
  if (kind < 0.75) return { champion, canary: { version: other, share: 0.05 + random() * 0.9 } };
  return kind < 0.9 ? { champion, shadow: other } : { champion };
}

test(
  'swaps, promotions and rollbacks under full load fail no request, mix no versions and keep no memory',
  async () => {
    say(`swaps: MILLRACE_SWAPS_SEED=${seed} MILLRACE_SWAPS=${swaps}`);
    const stage = await createServingStage();
    onTestFinished(() => stage.close());
    const tiny = new Map<number, TinyModel>();
    for (let i = 0; i < VERSIONS; i++) {
      const model = { weights: WEIGHTS, bias: i / 2 - 1 };
      tiny.set(await stage.register(model), model);
    }
    const versions = [...tiny.keys()];
    let now: Allocated = { champion: versions[0]! };
    let before = versions[1]!;
    await stage.allocate(now);
    const serving = await startServingUnderTest(stage.config, path.join(stage.config.dataDir, 'serving.log'), {
      MILLRACE_SERVING_TIMEOUT_MS: '20000',
    });
    onTestFinished(() => serving.stop());
    const follows = async (revision: number): Promise<void> => {
      const answer = await fetch(`${serving.url}/v1/models/delay`);
      const { followedRevision } = (await answer.json()) as { followedRevision: number | null };
      expect(followedRevision).toBeGreaterThanOrEqual(revision);
    };
    const followed = (revision: number) => vi.waitFor(() => follows(revision), { timeout: SWAP_LIMIT_MS, interval: 10 });
    await followed(1);

    const random = createRandom(seed);
    const load = new CheckedLoad(serving.url, CONNECTIONS, (version, distance) => tinyScore(tiny.get(version)!, [0, 0, distance, 3]));
    onTestFinished(() => load.stop());
    const startedAt = performance.now();
    const memory: Memory[] = [];
    for (let swap = 1; swap <= swaps; swap++) {
      const next = nextAllocation(now, before, versions, random);
      if (next.champion !== now.champion) before = now.champion;
      now = next;
      const { revision } = await stage.allocate(now);
      await followed(revision);
      memory.push(serving.memory());
      if (swap % 50 === 0) say(describe(swap, startedAt, load, memory));
      expect([serving.running, load.failures]).toEqual([true, []]);
    }
    await load.stop();
    // As it began: one version, one session.
    await followed((await stage.allocate({ champion: versions[0]! })).revision);
    await vi.waitFor(() => expect(serving.memory().processes).toBeLessThanOrEqual(1), { timeout: SWAP_LIMIT_MS });

    const [early, late] = [medianServing(memory.slice(SETTLED_AFTER, 2 * SETTLED_AFTER)), medianServing(memory.slice(-SETTLED_AFTER))];
    say(`${swaps} swaps: ${load.requests} requests, ${load.rows} rows, ${load.versions.size} versions; serving process ${early.toFixed(0)} MiB, then ${late.toFixed(0)} MiB`);
    expect(load.failures).toEqual([]);
    expect([...load.versions].sort((a, b) => a - b)).toEqual(versions);
    expect(late - early).toBeLessThan(GROWTH_MIB_MAX);
  },
  60 * 60_000,
);

function medianServing(memory: readonly Memory[]): number {
  const sorted = memory.map(({ serving }) => serving).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function describe(swap: number, startedAt: number, load: CheckedLoad, memory: readonly Memory[]): string {
  const seconds = (performance.now() - startedAt) / 1_000;
  const { serving, sessions, processes } = memory.at(-1)!;
  return (
    `swap ${swap}/${swaps}: ${seconds.toFixed(0)} s, ${(load.requests / seconds).toFixed(0)} requests/s, ${load.failures.length} failed, ` +
    `serving ${serving.toFixed(0)} MiB, ${processes} session processes ${sessions.toFixed(0)} MiB`
  );
}
