import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { repositoryRoot } from '../../support/repository-files.ts';

const run = promisify(execFile);
const START_LIMIT_MS = 60_000;

/** Loads what the processes load, opens tracing by an environment, and prints which packages of OpenTelemetry are there then. */
const loaded = async (environment: Record<string, string>): Promise<string[]> => {
  const program = `
    import module from 'node:module';
    await import('./serving/start-serving.ts');
    await import('./src/stream/gateway.ts');
    await import('./workers/run-worker.ts');
    const { openTracing } = await import('./src/infra/tracing.ts');
    const { loadTracingConfig } = await import('./src/infra/tracing-config.ts');
    const { Registry } = await import('./src/infra/metrics.ts');
    const { createLogger } = await import('./src/infra/logger.ts');
    const of = { name: 'test', namespace: 'test', registry: new Registry(), logger: createLogger('test', 'silent') };
    await (await openTracing(loadTracingConfig(process.env), of))?.close();
    const names = Object.keys(module._cache).flatMap((file) => /@opentelemetry[/\\\\]([\\w-]+)/.exec(file)?.[1] ?? []);
    console.log([...new Set(names)].sort().join());
    process.exit(0);
  `;
  const args = ['--import', 'tsx', '--input-type=module', '-e', program];
  const { stdout } = await run(process.execPath, args, { cwd: repositoryRoot, env: { PATH: process.env['PATH'], ...environment } });
  return stdout.trim().split(',');
};

it(
  "of OpenTelemetry only its interfaces are loaded where tracing is off, which the metrics' library needs anyway",
  async () => {
    expect(await loaded({})).toEqual(['api']);
    expect(await loaded({ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' })).toContain('sdk-trace-base');
  },
  START_LIMIT_MS,
);
