import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ChildSession } from '../../../serving/session-host/child-session.ts';
import type { RunningServing } from '../../../serving/start-serving.ts';
import { createServingStage, WEIGHTS, type ServingStage } from '../../support/serving/serving-stage.ts';
import { startTcpProxy } from '../../support/serving/tcp-proxy.ts';

const instance = { flightId: 'F1', origin: 'JFK', carrier: 'UA', distance: 500 };
let stage: ServingStage;

beforeAll(async () => {
  stage = await createServingStage();
  await stage.fold('JFK', [{ at: Date.now() - 60_000, delayMinutes: 5 }]);
  await stage.allocate({ champion: await stage.register({ weights: WEIGHTS, bias: 0 }) });
});
afterAll(async () => {
  await stage.close();
});

const loaded = async (serving: RunningServing) => {
  const { router } = serving.dataPlane.model('delay');
  await expect.poll(() => router.routes.champion !== null, { timeout: 15_000 }).toBe(true);
  return router.routes.champion as NonNullable<typeof router.routes.champion>;
};

describe('serving', () => {
  it('answers every request while the process of its model is killed again and again', async () => {
    const serving = await stage.serve({ MILLRACE_SERVING_PLACEMENT: 'child' });
    const session = (await loaded(serving)).warm.session as ChildSession;
    let running = true;
    let answered = 0;
    const clients = Array.from({ length: 4 }, async () => {
      while (running) {
        await serving.dataPlane.predict('delay', [instance], { timeoutMs: 20_000 });
        answered++;
      }
    });
    for (let kill = 0; kill < 3; kill++) {
      const before = answered;
      process.kill((await session.pid()) as number, 'SIGKILL');
      await expect.poll(() => answered, { timeout: 15_000 }).toBeGreaterThan(before + 5);
    }
    running = false;
    await Promise.all(clients);
    await serving.stop();
  });

  it('answers 503 at once while Redis is away, and predictions again when it is back', async () => {
    const redis = new URL(stage.config.redisUrl);
    const proxy = await startTcpProxy(redis.hostname, Number(redis.port));
    redis.host = `127.0.0.1:${proxy.port}`;
    const serving = await stage.serve({}, { redisUrl: redis.href });
    await loaded(serving);
    const ask = () =>
      fetch(`${serving.url}/v1/models/delay/predict`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ instance }),
      });
    expect((await ask()).status).toBe(200);
    proxy.cut();
    const refused = await ask();
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    proxy.mend();
    await expect.poll(async () => (await ask()).status, { timeout: 10_000 }).toBe(200);
    await serving.stop();
    await proxy.close();
  });

  it('answers on while Kafka is away, and stores the decisions when it is back', async () => {
    const [host, port] = (stage.config.kafkaBrokers[0] as string).split(':') as [string, string];
    const proxy = await startTcpProxy(host, Number(port));
    proxy.cut();
    const serving = await stage.serve({}, { kafkaBrokers: [`127.0.0.1:${proxy.port}`] });
    await loaded(serving);
    const metric = async (name: string) => {
      const text = await (await fetch(`${serving.url}/metrics`)).text();
      return Number(new RegExp(`${name}\\{[^}]*\\} (\\d+)`).exec(text)?.[1]);
    };
    const [prediction] = await serving.dataPlane.predict('delay', [instance]);
    expect(prediction?.score).toBeGreaterThan(0);
    await expect.poll(() => metric('millrace_decisions_waiting')).toBe(1);
    proxy.mend();
    await expect.poll(() => metric('millrace_decisions_stored_total'), { timeout: 30_000 }).toBe(1);
    expect(await metric('millrace_decisions_waiting')).toBe(0);
    await serving.stop();
    await proxy.close();
  });
});
