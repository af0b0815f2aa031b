import Fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerOptions } from 'fastify';
import { DECISION_ID_LENGTH_MAX, isDecisionId, type Decision } from '../../src/contracts/decision.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import type { AccessControl } from '../../src/infra/access/access-control.ts';
import type { Certificates } from '../../src/infra/access/certificates.ts';
import { guardRoutes } from '../../src/infra/access/guard-routes.ts';
import { followCertificates, tlsOptions } from '../../src/infra/access/tls-options.ts';
import type { Logger } from '../../src/infra/logger.ts';
import type { Registry as Metrics } from '../../src/infra/metrics.ts';
import { requestIdOf } from '../../src/infra/request-id.ts';
import { traceRequests, type SpanOf } from '../../src/infra/trace-requests.ts';
import type { Tracer } from '../../src/infra/tracing.ts';
import type { DataPlane } from '../data-plane.ts';
import type { HistoricalFeatures } from '../features/historical-features.ts';
import type { OnlineFeatures } from '../features/online-features.ts';
import type { ModelControl } from '../inference/model-control.ts';
import type { OpenInference } from '../inference/open-inference.ts';
import { traceOf, type RequestTrace } from '../request-trace.ts';
import type { ServingSettings } from '../settings.ts';
import { answerPredict } from './answer-predict.ts';
import { addBulkRoute } from './bulk-route.ts';
import { describeModel, readinessOf, summarizeModel } from './describe-model.ts';
import { openFastLane } from './fast-lane/open-fast-lane.ts';
import { addInferenceRoutes } from './inference-routes.ts';
import { openApiText } from './openapi/openapi-text.ts';
import { parseHistoricalRequest } from './parse-historical-request.ts';
import { parseOnlineRequest } from './parse-online-request.ts';
import { refuseConnection } from './refuse-connection.ts';
import { departureOf } from './request-options.ts';
import { addRepositoryRoutes } from './repository-routes.ts';
import { routeAccess } from './route-access.ts';
import { createErrorSender, type SendError } from './send-error.ts';

export interface HttpServerOptions {
  readonly dataPlane: DataPlane;
  readonly onlineFeatures: OnlineFeatures;
  readonly historicalFeatures: HistoricalFeatures;
  readonly openInference: OpenInference;
  readonly modelControl: ModelControl;
  readonly findDecision: (id: string) => Promise<Decision | null>;
  readonly metrics: Pick<Metrics, 'contentType' | 'metrics'>;
  readonly access: AccessControl;
  /** Absent for plain text. */
  readonly certificates?: Certificates | undefined;
  readonly settings: ServingSettings;
  readonly logger: Logger;
  /** Absent where tracing is off. */
  readonly tracer?: Tracer | undefined;
}

/** The trace of a request that is recorded. */
export type TraceOfRequest = (request: FastifyRequest) => RequestTrace | undefined;

/** How often connections are looked at whose headers or body are late; Node does it every 30 s. */
const LATE_CHECK_EVERY_MS = 500;

/** The HTTP face of the data plane: parses, calls, answers. */
export function createHttpServer(options: HttpServerOptions): FastifyInstance {
  const { dataPlane, openInference, modelControl, access, settings, tracer } = options;
  // The server asks for the span only once it runs.
  let spanOf: SpanOf = () => undefined;
  const sendError = createErrorSender(options.logger, (request) => spanOf(request));
  const app = openApp(options, sendError);
  spanOf = traceRequests(app, tracer);
  const traceOfRequest: TraceOfRequest = tracer === undefined ? () => undefined : (request) => traceOf(tracer, spanOf(request));
  app.setErrorHandler(sendError);
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({ error: `${request.method} ${request.url} does not exist. docs/serving.md lists the endpoints.`, code: 'REQUEST_INVALID' }),
  );
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id);
    // Connections that are kept come to an end between two requests, not under one.
    if (dataPlane.retiring) void reply.header('connection', 'close');
  });
  guardRoutes(app, routeAccess, access, settings.metricsAccess === 'open');

  addNativeRoutes(app, options, traceOfRequest);
  const openApi = openApiText(dataPlane.models, settings, openInference.serverMetadata.version);
  app.get('/openapi.json', (_request, reply) => reply.type('application/json').send(openApi()));
  app.get('/metrics', async (_request, reply) => reply.type(options.metrics.contentType).send(await options.metrics.metrics()));
  // In a room of its own: it reads bodies its own way.
  void app.register((room, _options, done) => {
    addInferenceRoutes(room, openInference, settings, traceOfRequest);
    addRepositoryRoutes(room, openInference, modelControl);
    done();
  });
  void app.register((room, _options, done) => {
    addBulkRoute(room, dataPlane, settings);
    done();
  });
  if (settings.fastLane === 'on') openFastLane(app, options.certificates !== undefined, { ...options, ...settings, lookEveryMs: LATE_CHECK_EVERY_MS, tracer });
  return app;
}

/** Millrace's own endpoints, but for those about the process. */
function addNativeRoutes(
  app: FastifyInstance,
  { dataPlane, onlineFeatures, historicalFeatures, openInference, findDecision, settings }: HttpServerOptions,
  traceOfRequest: TraceOfRequest,
): void {
  app.post<{ Params: { model: string } }>('/v1/models/:model/predict', (request, reply) => {
    const { params, body, headers } = request;
    return answerPredict(dataPlane, settings.timeoutMsMax, { model: params.model, headers, body, departure: departureOf(reply.raw), trace: traceOfRequest(request) });
  });
  app.post('/v1/features/online', (request) => {
    const asked = parseOnlineRequest(request.body, request.headers['x-request-timeout'], settings.timeoutMsMax);
    return onlineFeatures.read({ ...asked, trace: traceOfRequest(request) });
  });
  app.post('/v1/features/historical', ({ body, headers }) =>
    historicalFeatures.read(parseHistoricalRequest(body, headers['x-request-timeout'], settings.timeoutMsMax)),
  );
  app.get('/v1/models', () => ({ models: dataPlane.models.map(summarizeModel) }));
  app.get<{ Params: { model: string } }>('/v1/models/:model', ({ params }) => describeModel(dataPlane.model(params.model)));
  app.get<{ Params: { id: string } }>('/v1/decisions/:id', async ({ params }) => {
    const decision = isDecisionId(params.id) ? await findDecision(params.id) : null;
    if (decision !== null) return decision;
    throw new MillraceError('DECISION_NOT_FOUND', `Decision '${params.id.slice(0, DECISION_ID_LENGTH_MAX)}' is not stored. Ask again in a second if it is fresh.`);
  });
  app.get('/v1/health/live', () => ({ live: true }));
  app.get('/v1/health/ready', (_request, reply) => {
    const models = openInference.models.map((model) => ({ model: model.name, ...readinessOf(model) }));
    const { ready } = dataPlane;
    return reply.code(ready ? 200 : 503).send({ ready, draining: dataPlane.retiring, models });
  });
}

/** An empty server with the limits of the settings, over TLS where there is a certificate. */
function openApp({ settings, certificates }: HttpServerOptions, sendError: SendError): FastifyInstance {
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
    genReqId: ({ headers }) => requestIdOf(headers['x-request-id']),
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
