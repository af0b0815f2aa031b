import { setTimeout as sleep } from 'node:timers/promises';
import type { DataPlane } from '../../../serving/data-plane.ts';
import type { HistoricalFeatures } from '../../../serving/features/historical-features.ts';
import type { OnlineFeatures } from '../../../serving/features/online-features.ts';
import { createHttpServer, type HttpServerOptions } from '../../../serving/http/create-http-server.ts';
import type { InferAnswer, InferRequest } from '../../../serving/inference/infer-request.ts';
import type { ModelControl } from '../../../serving/inference/model-control.ts';
import type { OpenInference } from '../../../serving/inference/open-inference.ts';
import { loadServingSettings } from '../../../serving/settings.ts';
import { MillraceError } from '../../../src/core/millrace-error.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import { Registry } from '../../../src/infra/metrics.ts';
import { openControl } from '../access-stage.ts';

const ANSWER_MS = 2;

/** The HTTP server over a model `echo` that answers what it was asked, a little later; an instance may ask for a failure. */
export function createEchoServer(environment: Readonly<Record<string, string>>, over: Partial<HttpServerOptions> = {}): ReturnType<typeof createHttpServer> {
  const reading = <T>(_model: string, read: () => T): T => read();
  const assertKnown = (model: string): void => {
    if (model !== 'echo') throw new MillraceError('MODEL_NOT_FOUND', `Model '${model}' is not here.`);
  };
  const infer = async ({ model, version, id, inputs, outputs, timeoutMs, priority, departure }: InferRequest): Promise<InferAnswer> => {
    assertKnown(model);
    await sleep(ANSWER_MS);
    if (departure?.gone === true) throw new MillraceError('SERVING_CANCELLED', 'Nobody waits.');
    const digest = JSON.stringify([version, outputs, timeoutMs, priority]);
    return { model, version: 1, role: 'champion', digest, id, outputs: inputs };
  };
  const predict = async (model: string, instances: readonly unknown[], { asOf, include, timeoutMs, priority }: object & Partial<Record<string, unknown>>): Promise<unknown[]> => {
    assertKnown(model);
    await sleep(ANSWER_MS);
    const [first] = instances as { readonly fail?: unknown; readonly throw?: unknown }[];
    if (first?.fail === true) throw new MillraceError('SERVING_OVERLOADED', 'Too much.', { details: { retryAfterSeconds: 3 } });
    if (first?.throw === true) throw new Error('secret');
    return instances.map((instance) => ({ instance, asOf, include, timeoutMs, priority, version: 1, variant: 'champion', digest: 'd' }));
  };
  return createHttpServer({
    dataPlane: { models: [], retiring: false, reading, predict } as unknown as DataPlane,
    onlineFeatures: {} as unknown as OnlineFeatures,
    historicalFeatures: {} as unknown as HistoricalFeatures,
    openInference: { serverMetadata: { name: 'millrace', version: '1', extensions: [] }, reading, infer } as unknown as OpenInference,
    modelControl: {} as unknown as ModelControl,
    findDecision: () => Promise.resolve(null),
    metrics: new Registry(),
    access: openControl(),
    settings: loadServingSettings(environment),
    logger: createLogger('test', 'silent'),
    ...over,
  });
}
