import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openOnnxSession } from '../../../../serving/session-host/open-onnx-session.ts';
import type { RowSession } from '../../../../serving/session-host/session.ts';
import { tinyScore, writeTinyModel, type TinyModel } from '../../../support/serving/tiny-onnx.ts';

const model: TinyModel = { weights: [0.5, -1, 2], bias: 0.25 };
let directory: string;
let session: RowSession;

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'millrace-onnx-'));
  const file = writeTinyModel(directory, 'tiny.onnx', model);
  session = await openOnnxSession({ ...file, columns: model.weights.length, providers: ['cpu'], tensorflowBackends: [] });
});
afterAll(async () => {
  await session.release();
  rmSync(directory, { recursive: true });
});

it('is SERVING_SESSION_FAILED where a batch has another shape than it says, and runs the next one', async () => {
  await expect(session.run(Float32Array.of(1, 2, 3), 2)).rejects.toMatchObject({
    code: 'SERVING_SESSION_FAILED',
    message: expect.stringContaining('A batch of 2 rows failed') as unknown,
  });
  const [score] = await session.run(Float32Array.of(1, 2, 3), 1);
  expect(score).toBeCloseTo(tinyScore(model, [1, 2, 3]), 6);
});
