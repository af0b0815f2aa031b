import { describe, expect, it } from 'vitest';
import { loadTensorBackend } from '../../../src/tensorflow/tensorflow-backend.ts';

describe('loadTensorBackend', () => {
  it('takes the first that loads and says why faster ones did not', async () => {
    const backend = await loadTensorBackend({
      addon: '/nowhere/addon.node',
      names: ['addon', 'wasm', 'cpu'],
    });
    expect(backend.name).toBe('wasm');
    expect(backend.rejected.map(({ name }) => name)).toEqual(['addon']);
    expect(backend.rejected[0]?.reason).toContain('/nowhere/addon.node');
  });

  it('names every reason where nothing loads', async () => {
    await expect(loadTensorBackend({ addon: null, names: ['addon'] })).rejects.toMatchObject({
      code: 'TRAINING_BACKEND_UNAVAILABLE',
      message: expect.stringContaining('no addon was built on this machine') as string,
    });
  });
});
