import { expect, it } from 'vitest';
import { createMetrics } from '../../../src/infra/metrics.ts';
import { metricsAddress, serveMetrics } from '../../../workers/serve-metrics.ts';

it('listens on the loopback address unless another is named', () => {
  expect(metricsAddress({ MILLRACE_METRICS_PORT: '9464' })).toEqual({ host: '127.0.0.1', port: 9464 });
  expect(metricsAddress({ MILLRACE_METRICS_PORT: '9464', MILLRACE_METRICS_HOST: '0.0.0.0' })).toEqual({
    host: '0.0.0.0',
    port: 9464,
  });
});

it('is nowhere without a port, and an error with a wrong one', () => {
  expect(metricsAddress({})).toBeUndefined();
  expect(() => metricsAddress({ MILLRACE_METRICS_PORT: 'many' })).toThrowError(
    expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error,
  );
});

it('shows metrics and health, and nothing else', async () => {
  const server = await serveMetrics(createMetrics('gateway'), { host: '127.0.0.1', port: 0 });
  const get = (path: string) => fetch(`http://127.0.0.1:${server.port}${path}`);
  try {
    expect(await (await get('/metrics')).text()).toContain('process="gateway"');
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/other')).status).toBe(404);
  } finally {
    await server.close();
  }
});
