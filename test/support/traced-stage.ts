import type { FastifyInstance } from 'fastify';
import { vi } from 'vitest';
import type { RunningServing } from '../../serving/start-serving.ts';
import type { RunningConsumer } from '../../src/infra/kafka.ts';
import { createLogger } from '../../src/infra/logger.ts';
import { createMetrics, type Registry } from '../../src/infra/metrics.ts';
import { createRedis } from '../../src/infra/redis.ts';
import { loadTracingConfig } from '../../src/infra/tracing-config.ts';
import { openTracing, type Tracing } from '../../src/infra/tracing.ts';
import { applyProject } from '../../src/store/apply-project.ts';
import { createOnlineStore } from '../../src/store/online-store.ts';
import { programsOf } from '../../src/store/project-definitions.ts';
import { startDecisionSink } from '../../src/stream/decision-sink.ts';
import { startFoldConsumer } from '../../src/stream/fold-consumer.ts';
import { createGateway } from '../../src/stream/gateway.ts';
import { loadGatewaySettings } from '../../src/stream/gateway-settings.ts';
import { startIngest } from '../../src/stream/ingest.ts';
import { createStreamMetrics } from '../../src/stream/stream-metrics.ts';
import { startOtlpReceiver } from './otlp-receiver.ts';
import { createServingStage, WEIGHTS } from './serving/serving-stage.ts';
import { tinyProject } from './serving/tiny-project.ts';

const processes = ['gateway', 'stream', 'serving'] as const;
type Process = (typeof processes)[number];

/**
 * Gateway, consumers and serving over the real servers, each with metrics and tracing of its own, as processes have them,
 * and a collector. Traces that begin here are not recorded; those of a caller who records are.
 */
export async function openTracedStage() {
  const logger = createLogger('test', 'silent');
  const stage = await createServingStage();
  const receiver = await startOtlpReceiver();
  const config = loadTracingConfig({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, MILLRACE_TRACING_RATIO: '0' });
  const registries = Object.fromEntries(processes.map((name) => [name, createMetrics(name)])) as Record<Process, Registry>;
  const open = async (name: Process) => [name, await openTracing(config, { name, namespace: 'test', registry: registries[name], logger })] as const;
  const tracings = Object.fromEntries(await Promise.all(processes.map(open))) as Record<Process, Tracing>;
  const redis = createRedis({ url: stage.config.redisUrl, role: 'write', logger });
  const { kafka, postgres, names } = stage;
  const store = createOnlineStore(redis, names);
  const deps = { kafka, postgres, names, store, logger, metrics: createStreamMetrics(registries.stream), clock: Date.now, tracer: tracings.stream.tracer };
  await applyProject(tinyProject, { ...deps, registerModel: async () => undefined });
  const programs = programsOf(tinyProject);
  const { sources } = tinyProject;
  const consumers: RunningConsumer[] = [await startIngest(deps, sources, programs), await startFoldConsumer(deps, programs), await startDecisionSink(deps)];
  const gatewayDeps = { ...deps, sources, settings: loadGatewaySettings({}), registry: registries.gateway, tracer: tracings.gateway.tracer };
  const gateway: FastifyInstance = await createGateway(gatewayDeps);
  await stage.allocate({ champion: await stage.register({ weights: WEIGHTS, bias: 0 }) });
  const serving: RunningServing = await stage.serve({}, {}, tinyProject, { tracer: tracings.serving.tracer, registry: registries.serving });
  await vi.waitFor(
    () => {
      if (!serving.dataPlane.ready) throw new Error('not ready yet');
    },
    { timeout: 30_000 },
  );
  return {
    receiver,
    registries,
    gateway,
    serving,
    sendEvent: (flightId: string, headers: Record<string, string> = {}, source = 'departures') =>
      gateway.inject({
        method: 'POST',
        url: `/v1/events/${source}`,
        headers: { 'content-type': 'application/json', ...headers },
        payload: JSON.stringify({ flightId, origin: 'JFK', carrier: 'UA', at: Date.now(), delayMinutes: 30 }),
      }),
    predict: (instances: readonly object[], headers: Record<string, string> = {}, model = 'delay') =>
      fetch(`${serving.url}/v1/models/${model}/predict`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ instances }),
      }),
    async close(): Promise<void> {
      await gateway.close();
      for (const consumer of consumers) await consumer.stop();
      redis.disconnect();
      await stage.close();
      await Promise.all(processes.map((name) => tracings[name].close()));
      await receiver.close();
    },
  };
}

export type TracedStage = Awaited<ReturnType<typeof openTracedStage>>;

export const flight = (flightId: string) => ({ flightId, origin: 'JFK', carrier: 'UA', distance: 500 });
