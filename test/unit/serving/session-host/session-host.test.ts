import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../../src/infra/artifacts.ts';
import { createLogger } from '../../../../src/infra/logger.ts';
import { ChildSession } from '../../../../serving/session-host/child-session.ts';
import { SessionHost, type PlacementPolicy } from '../../../../serving/session-host/session-host.ts';
import { tinyGolden, tinyScore, writeTinyModel, type TinyModel } from '../../../support/serving/tiny-onnx.ts';

const model: TinyModel = { weights: [0.5, -1, 2], bias: 0.25 };
const columns = model.weights.length;
const logger = createLogger('test', 'silent');
const limits = { openTimeoutMs: 60_000, runTimeoutMs: 2_000 };
let directory: string;
let file: ReturnType<typeof writeTinyModel>;

beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'millrace-session-'));
  file = writeTinyModel(directory, 'tiny.onnx', model);
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const host = (placement: PlacementPolicy) =>
  new SessionHost({ ...limits, placement, providers: ['cuda', 'cpu'], tensorflowBackends: [], logger });
const request = (over: Partial<Parameters<SessionHost['load']>[0]> = {}) => ({
  label: 'tiny/1',
  ...file,
  columns,
  batchRowsMax: 8,
  golden: tinyGolden(model),
  ...over,
});

/** Each test starts processes: on a busy machine that takes seconds. */
const options = { timeout: 90_000 };

describe('a session', options, () => {
  it('scores rows in a process of its own, on the CPU where CUDA is absent', async () => {
    const { session, handOverMs } = await host('child').load(request());
    const rows = Float32Array.of(1, 2, 3, -1, 0, 0.5);
    const scores = await session.run(rows, 2);
    expect(session.placement).toBe('child');
    expect(session.provider).toBe('cpu');
    expect(handOverMs).toBeGreaterThan(0);
    expect(scores[0]).toBeCloseTo(tinyScore(model, rows.subarray(0, 3)), 6);
    expect(scores[1]).toBeCloseTo(tinyScore(model, rows.subarray(3)), 6);
    await session.close();
  });

  it('moves into the serving process where its batch is shorter than the hand-over', async () => {
    const { session, instances, batchesAtOnce, batchMs, handOverMs } = await host('auto').load(request());
    expect(batchMs).toBeLessThan(handOverMs);
    expect(session.placement).toBe('in-process');
    expect(instances).toBe(1);
    // As many as take two milliseconds: of this one, of a few microseconds, more than of any that is not tiny.
    expect(batchesAtOnce).toBeGreaterThan(4);
    expect(batchesAtOnce).toBeLessThanOrEqual(64);
    const rows = Array.from({ length: batchesAtOnce }, (_, i) => Float32Array.of(i, 2, 3));
    const scores = await Promise.all(rows.map((row) => session.run(row, 1)));
    for (const [i, [score]] of scores.entries()) expect(score).toBeCloseTo(tinyScore(model, [...rows[i]!]), 6);
    await session.close();
  });

  it('has company in processes of their own where several are wanted', async () => {
    const { session, instances } = await host('auto').load(request({ instances: 2, threads: 2 }));
    expect([session.placement, instances]).toEqual(['child', 2]);
    const row = Float32Array.of(1, 2, 3);
    const scores = await Promise.all([session.run(row, 1), session.run(row, 1), session.run(row, 1)]);
    for (const [score] of scores) expect(score).toBeCloseTo(tinyScore(model, row), 6);
    await session.close();
  });

  it.each([
    ['a flipped bit', () => corrupted(), {}, /sha256/],
    ['an input of another name', () => writeTinyModel(directory, 'b.onnx', { ...model, inputName: 'x' }), {}, /its inputs are \(x: float32\[\?,3\]\), expected \(features/],
    ['another number of columns', () => file, { columns: 4 }, /float32\[\?,3\]\), expected \(features: float32\[\?,4\]\)/],
    ['weights in another file', () => writeTinyModel(directory, 'c.onnx', { ...model, externalWeights: true }), {}, /tensor 'w' keeps its values in another file/],
    ['other scores than training recorded', () => file, { golden: tinyGolden({ ...model, bias: 1 }) }, /golden batch failed: row 0/],
    ['no file', () => ({ ...file, path: path.join(directory, 'none.onnx') }), {}, /could not be read/],
    ['a file that is no model', () => noModel(), {}, /not an ONNX model/],
  ])('is refused with %s', async (_name, source, over, message) => {
    const loading = host('child').load(request({ ...source(), ...over }));
    await expect(loading).rejects.toMatchObject({ code: 'SERVING_VERSION_REJECTED', message: expect.stringMatching(message) as unknown });
  });
});

describe('a child session', options, () => {
  it.each(['SIGKILL', 'SIGSTOP'] as const)('fails only the batch in flight on %s, and restarts', async (signal) => {
    let restarts = 0;
    const session = await ChildSession.open({
      source: { ...file, columns, providers: ['cpu'], tensorflowBackends: [] },
      openTimeoutMs: 60_000,
      runTimeoutMs: 500,
      logger,
      onRestart: () => restarts++,
    });
    process.kill((await session.pid()) as number, signal);
    const row = Float32Array.of(1, 2, 3);
    await expect(session.run(row)).rejects.toMatchObject({ code: 'SERVING_SESSION_LOST' });
    await expect.poll(() => restarts).toBe(1);
    expect(session.isOpen).toBe(false);
    const scores = await session.run(row);
    expect(session.isOpen).toBe(true);
    expect(scores[0]).toBeCloseTo(tinyScore(model, row), 6);
    await session.close();
  });
});

function corrupted(): { path: string; sha256: string } {
  const bytes = readFileSync(file.path);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
  const damaged = path.join(directory, 'damaged.onnx');
  writeFileSync(damaged, bytes);
  return { path: damaged, sha256: file.sha256 };
}

function noModel(): { path: string; sha256: string } {
  const damaged = path.join(directory, 'text.onnx');
  writeFileSync(damaged, 'not a model at all');
  return { path: damaged, sha256: sha256Hex('not a model at all') };
}
