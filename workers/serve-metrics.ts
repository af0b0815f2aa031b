import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import type { Registry } from '../src/infra/metrics.ts';
import { readSettings, type Environment } from '../src/infra/settings.ts';

const HOST = '127.0.0.1';
const HEADERS_TIMEOUT_MS = 5_000;

const schema = z.object({ metricsPort: z.coerce.number().int().min(0).max(65_535).optional() });

/** Port of a worker's metrics; undefined: it has none. @throws MillraceError CONFIG_INVALID */
export const metricsPort = (environment: Environment): number | undefined =>
  readSettings(schema, { metricsPort: 'MILLRACE_METRICS_PORT' }, environment).metricsPort;

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** `GET /metrics` in the Prometheus text format and `GET /healthz`, on the loopback. */
export async function serveMetrics(registry: Registry, port: number): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    if (request.url === '/healthz') {
      response.end('ok\n');
    } else if (request.url === '/metrics') {
      registry.metrics().then(
        (text) => response.setHeader('content-type', registry.contentType).end(text),
        (error: unknown) => {
          response.statusCode = 500;
          response.end(String(error));
        },
      );
    } else {
      response.statusCode = 404;
      response.end('There are /metrics and /healthz.\n');
    }
  });
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, HOST, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
