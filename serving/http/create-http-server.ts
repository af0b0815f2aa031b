import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import type { Decision } from '../../src/contracts/decision.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import type { Registry as Metrics } from '../../src/infra/metrics.ts';
import type { AccessControl } from '../access/access-control.ts';
import type { Certificates } from '../access/certificates.ts';
import type { DataPlane } from '../data-plane.ts';
import type { HistoricalFeatures } from '../features/historical-features.ts';
import type { OnlineFeatures } from '../features/online-features.ts';
import type { ModelControl } from '../inference/model-control.ts';
import type { OpenInference } from '../inference/open-inference.ts';
import type { Prediction } from '../prediction.ts';
import type { ServingSettings } from '../settings.ts';
import { describeModel, readinessOf, summarizeModel } from './describe-model.ts';
import { guardRoutes } from './guard-routes.ts';
import { addInferenceRoutes } from './inference-routes.ts';
import { openApiText } from './openapi/openapi-text.ts';
import { parseHistoricalRequest } from './parse-historical-request.ts';
import { parseOnlineRequest } from './parse-online-request.ts';
import { parsePredictRequest } from './parse-predict-request.ts';
import { refuseConnection } from './refuse-connection.ts';
import { departureOf } from './request-options.ts';
import { addRepositoryRoutes } from './repository-routes.ts';
import { sendError } from './send-error.ts';
import { followCertificates, tlsOptions } from './tls-options.ts';

export interface HttpServerOptions {
  readonly dataPlane: DataPlane;
  readonly onlineFeatures: OnlineFeatures;
  readonly historicalFeatures: HistoricalFeatures;
  readonly openInference: OpenInference;
  readonly modelControl: ModelControl;
  readonly findDecision: (id: string) => Promise<Decision | null>;
  readonly metrics: Metrics;
  readonly access: AccessControl;
  /** Absent for plain text. */
  readonly certificates?: Certificates | undefined;
  readonly settings: ServingSettings;
}

const REQUEST_ID_PATTERN = /^[\w.:/-]{1,128}$/;
const DECISION_ID_LENGTH_MAX = 64;
/** How often connections are looked at whose headers or body are late; Node does it every 30 s. */
const LATE_CHECK_EVERY_MS = 500;

/** The HTTP face of the data plane: parses, calls, answers. */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const { dataPlane, onlineFeatures, historicalFeatures, openInference, modelControl, findDecision, metrics, access, certificates, settings } = options;
  const app = openApp(settings, certificates);
  app.setErrorHandler(sendError);
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ error: `${request.method} ${request.url} does not exist. docs/serving.md lists the endpoints.`, code: 'REQUEST_INVALID' }),
  );
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id);
  });
  guardRoutes(app, access, settings.metricsAccess === 'open');

  app.post<{ Params: { model: string } }>('/v1/models/:model/predict', async ({ params, body, headers }, reply) => {
    const { instances, options } = parsePredictRequest(body, headers, settings.timeoutMsMax);
    return answerOf(params.model, await dataPlane.predict(params.model, instances, { ...options, departure: departureOf(reply.raw) }));
  });
  app.post('/v1/features/online', ({ body, headers }) =>
    onlineFeatures.read(parseOnlineRequest(body, headers['x-request-timeout'], settings.timeoutMsMax)),
  );
  app.post('/v1/features/historical', ({ body, headers }) =>
    historicalFeatures.read(parseHistoricalRequest(body, headers['x-request-timeout'], settings.timeoutMsMax)),
  );
  app.get('/v1/models', () => ({ models: dataPlane.models.map(summarizeModel) }));
  app.get<{ Params: { model: string } }>('/v1/models/:model', ({ params }) => describeModel(dataPlane.model(params.model)));
  app.get<{ Params: { id: string } }>('/v1/decisions/:id', async ({ params }) => {
    const decision = params.id.length > DECISION_ID_LENGTH_MAX ? null : await findDecision(params.id);
    if (decision !== null) return decision;
    throw new MillraceError('DECISION_NOT_FOUND', `Decision '${params.id.slice(0, DECISION_ID_LENGTH_MAX)}' is not stored. Ask again in a second if it is fresh.`);
  });
  app.get('/v1/health/live', () => ({ live: true }));
  app.get('/v1/health/ready', (_request, reply) => {
    const models = dataPlane.models.map((model) => ({ model: model.name, ...readinessOf(model) }));
    const { ready } = dataPlane;
    return reply.code(ready ? 200 : 503).send({ ready, draining: dataPlane.retiring, models });
  });
  const openApi = openApiText(dataPlane.models, settings, openInference.serverMetadata.version);
  app.get('/openapi.json', (_request, reply) => reply.type('application/json').send(openApi()));
  app.get('/metrics', async (_request, reply) => reply.type(metrics.contentType).send(await metrics.metrics()));
  // In a room of its own: it reads bodies its own way.
  void app.register((room, _options, done) => {
    addInferenceRoutes(room, openInference, settings);
    addRepositoryRoutes(room, openInference, modelControl);
    done();
  });
  return app;
}

/** An empty server with the limits of the settings, over TLS where there is a certificate. */
function openApp(settings: ServingSettings, certificates: Certificates | undefined): FastifyInstance {
  const limits: FastifyServerOptions = {
    bodyLimit: settings.bodyBytesMax,
    requestTimeout: settings.timeoutMsMax,
    keepAliveTimeout: settings.keepAliveMs,
    forceCloseConnections: 'idle',
    // While it closes, requests on connections that are open are still answered.
    return503OnClosing: false,
    // What the router itself refuses, such as a path that is no URL, comes to no handler.
    frameworkErrors: (error, request, reply) => {
      void sendError(error, request, reply);
    },
    clientErrorHandler: refuseConnection,
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && REQUEST_ID_PATTERN.test(given) ? given : randomUUID();
    },
  };
  const { headersTimeoutMs: headersTimeout } = settings;
  const reception = { headersTimeout, connectionsCheckingInterval: LATE_CHECK_EVERY_MS };
  if (certificates === undefined) return bounded(Fastify({ ...limits, http: reception }), settings);
  const withTls = { ...limits, https: { ...tlsOptions(certificates), ...reception, handshakeTimeout: headersTimeout } };
  const app = Fastify(withTls as FastifyServerOptions);
  followCertificates(app, certificates);
  return bounded(app, settings);
}

/** A connection beyond the limit is closed before it is read. */
function bounded(app: FastifyInstance, { connectionsMax }: ServingSettings): FastifyInstance {
  app.server.maxConnections = connectionsMax;
  return app;
}

/** Version, variant and digest stand at the top where all predictions share them, and with each prediction always. */
function answerOf(model: string, predictions: readonly Prediction[]) {
  const [first] = predictions;
  const shared = first !== undefined && predictions.every(({ version }) => version === first.version);
  const { version = null, variant = null, digest = null } = shared ? first : {};
  return { model, version, variant, digest, predictions };
}
