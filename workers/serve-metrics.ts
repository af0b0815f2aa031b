import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import type { Registry } from '../src/infra/metrics.ts';
import { readSettings, type Environment } from '../src/infra/settings.ts';

const HEADERS_TIMEOUT_MS = 5_000;

const schema = z.object({
  host: z.string().min(1).default('127.0.0.1'),
  port: z.coerce.number().int().min(0).max(65_535).optional(),
});

export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

/** Where a process shows its metrics; undefined: nowhere. @throws MillraceError CONFIG_INVALID */
export function metricsAddress(environment: Environment): MetricsAddress | undefined {
  const names = { host: 'MILLRACE_METRICS_HOST', port: 'MILLRACE_METRICS_PORT' };
  const { host, port } = readSettings(schema, names, environment);
  return port === undefined ? undefined : { host, port };
}

export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/** `GET /metrics` in the Prometheus text format and `GET /healthz`. */
export async function serveMetrics(registry: Pick<Registry, 'contentType' | 'metrics'>, { host, port }: MetricsAddress): Promise<MetricsServer> {
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
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
