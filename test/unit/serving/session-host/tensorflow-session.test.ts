import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createLogger } from '../../../../src/infra/logger.ts';
import { packModel, type PackedModel } from '../../../../src/tensorflow/packed-model.ts';
import { createGoldenBatch } from '../../../../src/training/golden-batch.ts';
import { SessionHost, type PlacementPolicy, type SessionRequest } from '../../../../serving/session-host/session-host.ts';
import { openTensorflowSession } from '../../../../serving/session-host/open-tensorflow-session.ts';
import type { SessionSource } from '../../../../serving/session-host/session.ts';
import { denseNetwork, denseScore, logisticGraph, packedOf, testTensorflow, type DenseLayer } from '../../../support/tensorflow/saved-model.ts';

const tf = await testTensorflow();
const layers: DenseLayer[] = [
  { name: 'hidden', kernel: [[1, -1], [0.5, 2]], bias: [0.1, -0.2], activation: 'relu' },
  { name: 'score', kernel: [[0.7], [-0.3]], bias: [0.05], activation: 'sigmoid' },
];
const directory = mkdtempSync(path.join(tmpdir(), 'millrace-tfjs-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

const host = (tensorflowBackends: readonly ('addon' | 'wasm' | 'cpu')[], placement: PlacementPolicy = 'auto') =>
  new SessionHost({ openTimeoutMs: 60_000, runTimeoutMs: 10_000, placement, providers: ['cpu'], tensorflowBackends, logger: createLogger('test', 'silent') });

function write(name: string, bytes: Uint8Array) {
  const file = path.join(directory, name);
  writeFileSync(file, bytes);
  return { role: 'model.tfjs', path: file, sha256: createHash('sha256').update(bytes).digest('hex') } as const;
}

const rows = Float32Array.of(1, 2, -3, 0.5, 0, 0);
const expected = [[1, 2], [-3, 0.5], [0, 0]].map((row) => denseScore(layers, row)[0]!);
const request = async (over: Partial<SessionRequest> = {}): Promise<SessionRequest> => ({
  label: 'network/1',
  ...write('network.tfjs', await packedOf(denseNetwork(tf, layers))),
  columns: 2,
  batchRowsMax: 4,
  tensors: { input: 'row', output: 'score', outputColumns: 1, scoreColumn: 0 },
  golden: createGoldenBatch(rows, Float32Array.from(expected)),
  ...over,
});

/** Each test starts processes: on a busy machine that takes seconds. */
const options = { timeout: 90_000 };

describe('a session of TensorFlow.js', options, () => {
  it.each(['auto', 'in-process'] as const)('scores rows on the first backend that loads, always in a process of its own (%s)', async (placement) => {
    const { session, goldenDifference } = await host(['addon', 'wasm', 'cpu'], placement).load(await request());
    expect({ placement: session.placement, provider: session.provider }).toEqual({ placement: 'child', provider: 'wasm' });
    expect(goldenDifference).toBeLessThan(1e-6);
    const scores = await session.run(rows, 3);
    for (const [i, score] of expected.entries()) expect(scores[i]).toBeCloseTo(score, 6);
    await session.close();
  });

  it('passes over a backend that lacks an operation of the model', async () => {
    // WebAssembly has no Erfc.
    const graph = packModel(logisticGraph([1, 2], { operation: 'Erfc' }));
    const tensors = { input: 'features', output: 'probability', outputColumns: 1, scoreColumn: 0 };
    const load = async (backends: readonly ('wasm' | 'cpu')[]) =>
      host(backends).load(await request({ ...write('erfc.tfjs', graph), tensors, golden: createGoldenBatch(Float32Array.of(0, 0), Float32Array.of(1)) }));
    await expect(load(['wasm'])).rejects.toMatchObject({ code: 'SERVING_VERSION_REJECTED', message: expect.stringMatching(/on none of its backends \(wasm: .*Erfc/) as string });
  });

  it('gives the graph its number in place of null', async () => {
    const score = denseScore(layers, [7, 2])[0]!;
    const golden = createGoldenBatch(Float32Array.of(NaN, 2), Float32Array.of(score));
    const { session } = await host(['cpu']).load(await request({ tensors: { input: 'row', output: 'score', outputColumns: 1, scoreColumn: 0, nullAs: 7 }, golden }));
    const row = Float32Array.of(NaN, 2);
    expect((await session.run(row, 1))[0]).toBeCloseTo(score, 6);
    expect(row[0]).toBeNaN();
    await session.close();
  });

  it('fails only the batch that has another shape', async () => {
    const { session } = await host(['cpu']).load(await request());
    await expect(session.run(Float32Array.of(1), 0.5)).rejects.toMatchObject({ code: 'SERVING_SESSION_FAILED' });
    expect((await session.run(rows, 3))[0]).toBeCloseTo(expected[0]!, 6);
    await session.close();
  });

  it.each<[string, (file: SessionSource) => Partial<SessionSource>, RegExp]>([
    ['another digest', () => ({ sha256: '0'.repeat(64) }), /its sha256 is/],
    ['a file that is no model', () => write('text.tfjs', Buffer.from('no model')), /it is no packed TensorFlow.js model/],
    ['an input of another name', ({ tensors }) => ({ tensors: { ...tensors!, input: 'features' } }), /its inputs are \(row: FP32\), expected \(features\)/],
    ['no such output', ({ tensors }) => ({ tensors: { ...tensors!, output: 'p' } }), /its outputs are \(score: FP32\), expected 'p' among them/],
    ['a backend that is not there', () => ({ tensorflowBackends: ['addon'] }), /on none of its backends \(addon: .*no addon was built/],
  ])('is SERVING_VERSION_REJECTED for %s', async (_, over, why) => {
    const good: SessionSource = { ...(await request()), providers: ['cpu'], tensorflowBackends: ['cpu'] };
    await expect(openTensorflowSession({ ...good, ...over(good) })).rejects.toMatchObject({ code: 'SERVING_VERSION_REJECTED', message: expect.stringMatching(why) as string });
  });

  it('is SERVING_VERSION_REJECTED for other scores than were recorded', async () => {
    const wrong = await request({ golden: createGoldenBatch(rows, Float32Array.of(0.1, 0.2, 0.3)) });
    await expect(host(['cpu']).load(wrong)).rejects.toMatchObject({ code: 'SERVING_VERSION_REJECTED', message: expect.stringMatching(/The golden batch failed/) as string });
  });
});

describe('tensors of a TensorFlow.js model', options, () => {
  const packed: PackedModel = logisticGraph([1, -2]);
  const inputs = [{ name: 'features', datatype: 'FP32', shape: [-1, 2] }] as const;
  const outputs = [{ name: 'probability', datatype: 'FP32', shape: [-1, 1] }] as const;

  it('go in and come out by their names', async () => {
    const { session } = await host(['wasm']).loadTensors({ label: 'g/1', ...write('graph.tfjs', packModel(packed)), inputs, outputs, golden: { tensors: null, tolerance: 0 } });
    const answer = await session.runTensors([{ ...inputs[0], shape: [1, 2], elements: Float32Array.of(3, 1) }]);
    expect(answer.outputs).toMatchObject([{ name: 'probability', shape: [1, 1] }]);
    expect(answer.outputs[0]!.elements[0]).toBeCloseTo(1 / (1 + Math.exp(-1)), 6);
    await session.close();
  });

  it('are SERVING_VERSION_REJECTED where they are others than those of the signature', async () => {
    const wrong = { label: 'g/1', ...write('graph.tfjs', packModel(packed)), inputs, outputs: [{ ...outputs[0], datatype: 'INT32' as const }], golden: { tensors: null, tolerance: 0 } };
    await expect(host(['cpu']).loadTensors(wrong)).rejects.toThrow(/its outputs are \(probability: FP32\), expected \(probability: INT32\)/);
  });
});
