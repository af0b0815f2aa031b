import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { OpenInference } from '../inference/open-inference.ts';
import type { RequestTrace } from '../request-trace.ts';
import type { ServingSettings } from '../settings.ts';
import { answerInfer } from './answer-infer.ts';
import { takePackedBodies } from './content-coding.ts';
import { departureOf } from './request-options.ts';

interface ModelParams {
  readonly model: string;
  readonly version?: string;
}

/** The Open Inference Protocol v2 over REST. Bodies are read as bytes: its clients name no content type. */
export function addInferenceRoutes(app: FastifyInstance, inference: OpenInference, settings: ServingSettings, traceOf: (request: FastifyRequest) => RequestTrace | undefined): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  takePackedBodies(app);

  app.get('/v2', () => inference.serverMetadata);
  app.get('/v2/health/live', () => ({ live: true }));
  app.get('/v2/health/ready', (_request, reply) => reply.code(inference.ready ? 200 : 503).send({ ready: inference.ready }));
  app.get('/v2/models/stats', () => ({ model_stats: inference.modelStatistics() }));
  for (const path of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    app.get<{ Params: ModelParams }>(path, ({ params }) => inference.modelMetadata(params.model, params.version));
    app.get<{ Params: ModelParams }>(`${path}/config`, ({ params }) => inference.modelConfiguration(params.model, params.version));
    app.get<{ Params: ModelParams }>(`${path}/stats`, ({ params }) => ({ model_stats: inference.modelStatistics(params.model, params.version) }));
    app.get<{ Params: ModelParams }>(`${path}/ready`, ({ params }, reply) => {
      const ready = inference.modelReady(params.model, params.version);
      return reply.code(ready ? 200 : 503).send({ name: params.model, ready });
    });
    app.post<{ Params: ModelParams; Body: Buffer | undefined }>(`${path}/infer`, (request, reply) => answer(inference, request, reply, settings, traceOf(request)));
  }
}

async function answer(
  inference: OpenInference,
  { params, body, headers }: FastifyRequest<{ Params: ModelParams; Body: Buffer | undefined }>,
  reply: FastifyReply,
  { timeoutMsMax }: ServingSettings,
  trace: RequestTrace | undefined,
): Promise<FastifyReply> {
  const { model, version } = params;
  const call = { model, version, headers, body: body ?? Buffer.alloc(0), departure: departureOf(reply.raw), trace };
  const { headers: answered, bytes } = await answerInfer(inference, timeoutMsMax, call);
  return reply.headers(answered).send(bytes);
}
