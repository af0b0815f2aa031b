import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recordRoles } from '../../../src/contracts/model-bundle.ts';
import { trainInChild, type TrainInChildOptions } from '../../../src/training/train-in-child.ts';
import type { TrainingProgress } from '../../../src/training/train-model.ts';
import { encodeTrainingSet } from '../../../src/training/training-set-codec.ts';
import { DATA_CUT, syntheticPlan, syntheticSet } from '../../support/training/synthetic-set.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'millrace-training-'));
  await writeFile(join(directory, 'set.bin'), encodeTrainingSet(syntheticSet(3_000)));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

const options = (changes: Partial<TrainInChildOptions> = {}): TrainInChildOptions => ({
  trainingSet: join(directory, 'set.bin'),
  plan: syntheticPlan(),
  dataCut: DATA_CUT,
  trigger: 'first',
  reason: 'test',
  champion: null,
  directory: join(directory, 'job'),
  addon: null,
  backends: ['wasm'],
  environment: process.env,
  ...changes,
});

describe('trainInChild', () => {
  it('hands the bundle and the progress of every epoch back, and leaves no file of its own', async () => {
    const progress: TrainingProgress[] = [];
    const backends: string[] = [];
    const bundle = await trainInChild(
      options({ onProgress: (step) => progress.push(step), onBackend: (name) => backends.push(name) }),
    );
    expect(Object.keys(bundle.files).sort()).toEqual(['model.onnx', ...recordRoles].sort());
    expect(bundle.lineage).toMatchObject({ backend: 'wasm', trigger: 'first' });
    expect(bundle.metrics.candidate.overall.auc).toBeGreaterThan(0.7);
    expect(backends).toEqual(['wasm']);
    expect(progress.filter(({ stage, epoch }) => stage === 'fit' && epoch !== undefined)).toHaveLength(4);
    expect(progress.map(({ stage }) => stage)).toContain('export');
    expect(await readdir(join(directory, 'job'))).toEqual([]);
  });

  it('passes an expected failure on with its code', async () => {
    const damaged = encodeTrainingSet(syntheticSet(600));
    damaged[damaged.length - 1] = 1;
    await writeFile(join(directory, 'set.bin'), damaged);
    await expect(trainInChild(options())).rejects.toMatchObject({ code: 'TRAINING_SET_CORRUPT' });
  });

  it('reports a child that dies with the end of what it said', async () => {
    // The smallest heap that Node takes: V8 ends the process as it would for a set that is too large.
    const environment = { ...process.env, NODE_OPTIONS: '--max-old-space-size=4' };
    await expect(trainInChild(options({ environment }))).rejects.toMatchObject({
      code: 'TRAINING_PROCESS_DIED',
      message: expect.stringMatching(/training process ended with SIG.*heap out of memory/s) as string,
    });
  });

  it('ends at once when it is cancelled while it writes the job', async () => {
    const cancel = new AbortController();
    const reason = new Error('cancelled by the test');
    const progress: TrainingProgress[] = [];
    const plan = syntheticPlan({ ...syntheticPlan().trainer, epochs: 40 });
    const started = trainInChild(options({ plan, signal: cancel.signal, onProgress: (step) => progress.push(step) }));
    cancel.abort(reason);
    await expect(started).rejects.toBe(reason);
    expect(progress).toEqual([]);
    expect(await readdir(join(directory, 'job'))).toEqual([]);
  });

  it('kills the child when it is cancelled', async () => {
    const cancel = new AbortController();
    const reason = new Error('cancelled by the test');
    const started = trainInChild(
      options({
        plan: syntheticPlan({ ...syntheticPlan().trainer, epochs: 10_000 }),
        signal: cancel.signal,
        onProgress: ({ epoch }) => {
          if (epoch !== undefined) cancel.abort(reason);
        },
      }),
    );
    await expect(started).rejects.toBe(reason);
  });
});
