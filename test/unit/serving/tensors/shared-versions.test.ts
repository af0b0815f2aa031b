import { describe, expect, it } from 'vitest';
import { Departure } from '../../../../serving/batcher/departure.ts';
import type { RunnableVersion } from '../../../../serving/tensors/runnable-version.ts';
import { SharedVersions } from '../../../../serving/tensors/shared-versions.ts';

function setUp() {
  const log: string[] = [];
  const finish: (() => void)[] = [];
  const asked: unknown[] = [];
  let failures = 0;
  const load = (model: string, version: number): Promise<RunnableVersion> => {
    log.push(`load ${model}/${version}`);
    if (failures-- > 0) return Promise.reject(new Error('not now'));
    return Promise.resolve({
      version,
      digest: `${model}/${version}`,
      platform: 'p',
      signature: { model } as RunnableVersion['signature'],
      session: { placement: 'child', provider: 'cpu' },
      queuedRows: 0,
      ensemble: null,
      run: (_inputs, _deadline, by) => {
        asked.push(by);
        return new Promise((resolve) => finish.push(() => { resolve({ outputs: [], queueMs: 0, computeMs: 0 }); }));
      },
      close: () => {
        log.push(`close ${model}/${version}`);
        return Promise.resolve();
      },
    });
  };
  return { log, finish, asked, shared: new SharedVersions(load), fail: (times: number) => (failures = times) };
}

describe('versions that several hold', () => {
  it('are loaded once, and closed when the last holder lets go', async () => {
    const { log, shared } = setUp();
    const [a, b] = await Promise.all([shared.acquire('m', 1), shared.acquire('m', 1)]);
    const other = await shared.acquire('m', 2);
    expect(log).toEqual(['load m/1', 'load m/2']);
    await a.close();
    expect(log).toHaveLength(2);
    await Promise.all([b.close(), b.close(), other.close()]);
    expect(log.slice(2).sort()).toEqual(['close m/1', 'close m/2']);
    expect(shared.size).toBe(0);
    await (await shared.acquire('m', 1)).close();
    expect(log.slice(4)).toEqual(['load m/1', 'close m/1']);
  });

  it('are let go by a holder once what it asked for is answered, and take nothing more from it', async () => {
    const { log, finish, asked, shared } = setUp();
    const [a, b] = [await shared.acquire('m', 1), await shared.acquire('m', 1)];
    const by = { departure: new Departure() };
    const answer = a.run([], 1, by);
    expect(asked).toEqual([by]);
    const closing = a.close();
    await expect(a.run([], 1)).rejects.toMatchObject({ code: 'MODEL_NOT_READY' });
    const others = b.run([], 1);
    const closingToo = b.close();
    await Promise.resolve();
    expect(log).toEqual(['load m/1']);
    for (const one of finish) one();
    await Promise.all([answer, others, closing, closingToo]);
    expect(log).toEqual(['load m/1', 'close m/1']);
  });

  it('that could not be loaded are tried again by the next who asks', async () => {
    const { log, shared, fail } = setUp();
    fail(1);
    const both = await Promise.allSettled([shared.acquire('m', 1), shared.acquire('m', 1)]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(shared.size).toBe(0);
    await (await shared.acquire('m', 1)).close();
    expect(log).toEqual(['load m/1', 'load m/1', 'close m/1']);
  });
});
