import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createFreshnessReader } from '../../../console/freshness-reader.ts';
import { bucketCounts, countsSince, histogramQuantile } from '../../../console/shape/freshness.ts';
import { createMetrics } from '../../../src/infra/metrics.ts';
import { createStreamMetrics } from '../../../src/stream/stream-metrics.ts';

const METRIC = 'millrace_freshness_seconds';
let server: Server | undefined;
afterEach(() => server?.close());

/** The metrics of a stream process over HTTP, as `serve-metrics` has them. */
async function streamProcess() {
  const registry = createMetrics('stream');
  const { freshness } = createStreamMetrics(registry);
  server = createServer((_request, response) => void registry.metrics().then((text) => response.end(text)));
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return { registry, freshness, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('buckets are those that the stream process counts, over all views', async () => {
  const { registry, freshness } = await streamProcess();
  freshness.observe({ view: 'a' }, 0.004);
  freshness.observe({ view: 'a' }, 0.03);
  freshness.observe({ view: 'b' }, 100);
  const counts = bucketCounts(await registry.metrics(), METRIC);
  expect([
    counts.get(0.005),
    counts.get(0.02),
    counts.get(0.05),
    counts.get(60),
    counts.get(Infinity),
  ]).toEqual([1, 1, 2, 2, 3]);
});

test('a quantile lies in the bucket that holds its rank, and beyond the last bound is that bound', () => {
  const counts = new Map([
    [0.01, 0],
    [0.02, 50],
    [0.05, 100],
    [Infinity, 100],
  ]);
  expect(histogramQuantile(counts, 0.25)).toBeCloseTo(0.015, 12);
  expect(histogramQuantile(counts, 0.5)).toBeCloseTo(0.02, 12);
  expect(histogramQuantile(counts, 0.99)).toBeCloseTo(0.0494, 12);
  expect(
    histogramQuantile(
      new Map([
        [1, 0],
        [Infinity, 4],
      ]),
      0.99,
    ),
  ).toBe(1);
  expect(
    histogramQuantile(
      new Map([
        [1, 0],
        [Infinity, 0],
      ]),
      0.5,
    ),
  ).toBeNull();
  expect(histogramQuantile(new Map(), 0.5)).toBeNull();
});

test('what was counted before a restart is not taken off', () => {
  const before = new Map([
    [1, 10],
    [Infinity, 12],
  ]);
  expect(
    countsSince(
      before,
      new Map([
        [1, 13],
        [Infinity, 15],
      ]),
    ),
  ).toEqual(
    new Map([
      [1, 3],
      [Infinity, 3],
    ]),
  );
  const restarted = new Map([
    [1, 2],
    [Infinity, 2],
  ]);
  expect(countsSince(before, restarted)).toBe(restarted);
});

test('freshness is of the time since the console looked first, and before that since the start', async () => {
  const { freshness, url } = await streamProcess();
  const reader = createFreshnessReader(async () => url);
  expect(await reader.read()).toBeNull();
  for (let i = 0; i < 99; i++) freshness.observe({ view: 'a' }, 0.015);
  const first = await reader.read();
  expect(first).toMatchObject({ batches: 99, overMs: expect.any(Number) as number });
  expect(first?.p50Ms).toBeGreaterThan(10);
  expect(first?.p99Ms).toBeLessThanOrEqual(20);
  const late = createFreshnessReader(async () => url);
  expect(await late.read()).toMatchObject({ batches: 99, overMs: null });
});

test('where no stream process is known there is no freshness, and one that does not answer is named', async () => {
  expect(await createFreshnessReader(async () => null).read()).toBeNull();
  await expect(createFreshnessReader(async () => 'http://127.0.0.1:9/metrics').read()).rejects.toMatchObject({
    code: 'PROCESS_UNREACHABLE',
  });
});
