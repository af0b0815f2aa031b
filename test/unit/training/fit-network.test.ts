import { expect, it } from 'vitest';
import { logisticRegression, mlp, type Trainer } from '../../../src/define/model.ts';
import { encodeExamples } from '../../../src/training/encode-examples.ts';
import { fitEncoding } from '../../../src/training/feature-encoding.ts';
import { fitNetwork } from '../../../src/training/fit-network.ts';
import { loadTensorBackend } from '../../../src/tensorflow/tensorflow-backend.ts';
import { syntheticSet } from '../../support/training/synthetic-set.ts';

const set = syntheticSet(200);
const rows = Uint32Array.from({ length: 200 }, (_, row) => row);
const encoding = fitEncoding(set, rows);
const examples = encodeExamples(set, encoding);

async function lossesOf(trainer: Trainer): Promise<number[]> {
  const { tf } = await loadTensorBackend({ addon: null, names: ['cpu'] });
  const losses: number[] = [];
  fitNetwork(tf, {
    trainer,
    encoding,
    examples,
    fit: rows,
    validation: new Uint32Array(0),
    lastEpoch: 2,
    seed: 5,
    onEpoch: ({ loss }) => losses.push(loss),
  });
  return losses;
}

it.each([mlp({ hidden: [4] }), logisticRegression()])(
  'reports the loss of every epoch of $kind',
  async (trainer) => {
    const losses = await lossesOf(trainer);
    expect(losses).toHaveLength(2);
    expect(losses.every(Number.isFinite)).toBe(true);
  },
);

it('ends with TRAINING_DIVERGED when the loss stops being a number, and names the learning rate', async () => {
  await expect(lossesOf(mlp({ hidden: [4, 4], learningRate: 1e30 }))).rejects.toMatchObject({
    code: 'TRAINING_DIVERGED',
    message: expect.stringContaining('learning rate (1e+30)') as unknown,
  });
});
