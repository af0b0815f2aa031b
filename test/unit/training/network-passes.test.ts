import { describe, expect, it } from 'vitest';
import { mlp, logisticRegression } from '../../../src/define/model.ts';
import { logLoss } from '../../../src/statistics/probability-scores.ts';
import { encodeExamples } from '../../../src/training/encode-examples.ts';
import { fitEncoding } from '../../../src/training/feature-encoding.ts';
import { createNetwork, parametersOf } from '../../../src/training/network.ts';
import { lossAndGradients, scoreExamples } from '../../../src/training/network-passes.ts';
import { createRandom } from '../../../src/training/seeded-random.ts';
import { loadTensorBackend } from '../../../src/tensorflow/tensorflow-backend.ts';
import { syntheticSet } from '../../support/training/synthetic-set.ts';

const set = syntheticSet(400);
const rows = Uint32Array.from({ length: 400 }, (_, row) => row);
const encoding = fitEncoding(set, rows);
const examples = encodeExamples(set, encoding);
const NUDGE = 1e-2;

describe.each([mlp({ hidden: [6, 5] }), logisticRegression()])('the gradients of $kind', (trainer) => {
  it('are the slopes of the loss that finite differences show', async () => {
    const { tf } = await loadTensorBackend({ addon: null, names: ['cpu'] });
    const network = createNetwork(trainer, encoding, 0.4, createRandom(3));
    const lossNow = () => logLoss(scoreExamples(tf, network, examples, rows), set.labels);
    const { loss, gradients } = lossAndGradients(tf, network, examples, rows, null);
    expect(loss / rows.length).toBeCloseTo(lossNow(), 5);
    const frozenFrom = network.linear ? network.numbers : Infinity;
    parametersOf(network).forEach((parameter, p) => {
      for (const i of new Set([0, parameter.length >> 1, parameter.length - 1])) {
        if (parameter === network.layers[0]?.weights && i >= frozenFrom) continue;
        const kept = parameter[i] as number;
        parameter[i] = kept + NUDGE;
        const above = lossNow();
        parameter[i] = kept - NUDGE;
        const below = lossNow();
        parameter[i] = kept;
        expect(Math.abs((above - below) / (2 * NUDGE) - (gradients[p]?.[i] as number))).toBeLessThan(2e-3);
      }
    });
  });
});

it('agrees between the wasm and the plain backend', async () => {
  const plain = await loadTensorBackend({ addon: null, names: ['cpu'] });
  const network = createNetwork(mlp({ hidden: [6, 5] }), encoding, 0.4, createRandom(3));
  const slow = lossAndGradients(plain.tf, network, examples, rows, null);
  const wasm = await loadTensorBackend({ addon: null, names: ['wasm'] });
  const fast = lossAndGradients(wasm.tf, network, examples, rows, null);
  slow.gradients.forEach((gradient, p) => {
    gradient.forEach((value, i) => {
      expect(Math.abs(value - (fast.gradients[p]?.[i] as number))).toBeLessThan(1e-5);
    });
  });
});
