import fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { isMillraceError, MillraceError } from '../../src/core/millrace-error.ts';
import type { Logger } from '../../src/infra/logger.ts';
import type { Registry as Metrics } from '../../src/infra/metrics.ts';
import type { ConsoleDeps } from '../console-deps.ts';
import { readDeadLetters, readDecision, readDecisions } from '../read-decisions.ts';
import { readModel } from '../read-model.ts';
import { readOverview, readRegistered } from '../read-overview.ts';
import type { ConsoleSettings } from '../settings.ts';
import { acceptsHost } from './accepts-host.ts';
import { etagOf, type PageFile } from './page-files.ts';
import { parsePage, type PageRules } from './parse-page.ts';

export interface HttpServerOptions {
  readonly deps: ConsoleDeps;
  readonly files: ReadonlyMap<string, PageFile>;
  readonly settings: ConsoleSettings;
  readonly metrics: Metrics;
  readonly logger: Logger;
}

const ledgerPage: PageRules = { limitDefault: 40, limitMax: 200, pages: true };
const decisionPage: PageRules = { limitDefault: 20, limitMax: 200, pages: true };
const deadLetterPage: PageRules = { limitDefault: 20, limitMax: 200, pages: false };

/** It takes no body; this is for what a client sends all the same. */
const BODY_BYTES_MAX = 1_024;
const REQUEST_TIMEOUT_MS = 30_000;
const INTERNAL_STATUS = 500;

/** The page loads nothing from elsewhere, runs no script but its own files and is shown in no frame. */
const securityHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
} as const;

/** The console's HTTP face: GET only. */
export function createHttpServer({
  deps,
  files,
  settings,
  metrics,
  logger,
}: HttpServerOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    http: { headersTimeout: settings.headersTimeoutMs },
    forceCloseConnections: true,
    // What the router itself refuses, such as a path that is no URL, comes to no hook and no handler.
    frameworkErrors: (error, request, reply) => {
      void sendError(logger, error, request, reply.headers(securityHeaders));
    },
  });
  app.setErrorHandler((error: FastifyError, request, reply) => sendError(logger, error, request, reply));
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({
      error: `There is no '${request.method} ${request.url.slice(0, 100)}'. The console only reads; docs/console.md lists its endpoints.`,
      code: 'REQUEST_INVALID',
    }),
  );
  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(securityHeaders);
    if (!acceptsHost(settings.host, request.headers.host)) {
      throw new MillraceError(
        'REQUEST_INVALID',
        `Host '${(request.headers.host ?? '').slice(0, 100)}' is no name of this machine. Open the console as http://127.0.0.1:<port>, or set MILLRACE_CONSOLE_HOST to the address that others shall reach.`,
      );
    }
  });
  addFiles(app, files);
  addEndpoints(app, deps);
  app.get('/v1/health/live', () => ({ status: 'live' }));
  app.get('/v1/health/ready', async () => {
    await readRegistered(deps);
    return { status: 'ready' };
  });
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.contentType).send(await metrics.metrics()),
  );
  return app;
}

function addFiles(app: FastifyInstance, files: ReadonlyMap<string, PageFile>): void {
  for (const [url, { contentType, bytes, etag }] of files) {
    app.get(url, (request, reply) => {
      void reply.headers({ etag, 'cache-control': 'no-cache' });
      if (request.headers['if-none-match'] === etag) return reply.code(304).send();
      return reply.type(contentType).send(bytes);
    });
  }
}

function addEndpoints(app: FastifyInstance, deps: ConsoleDeps): void {
  app.register(async (api) => {
    // A page that asks every two seconds is told in a few bytes that nothing has changed.
    api.addHook('onSend', async (request, reply, payload) => {
      if (reply.statusCode !== 200 || typeof payload !== 'string') return payload;
      const etag = etagOf(payload);
      void reply.headers({ etag, 'cache-control': 'no-cache' });
      if (request.headers['if-none-match'] !== etag) return payload;
      void reply.code(304).removeHeader('content-type').removeHeader('content-length');
      return null;
    });
    api.get('/api/overview', () => readOverview(deps));
    api.get<{ Params: { model: string } }>('/api/models/:model', ({ params, query }) =>
      readModel(deps, params.model, parsePage(query, ledgerPage)),
    );
    api.get<{ Params: { model: string } }>('/api/models/:model/decisions', ({ params, query }) =>
      readDecisions(deps, params.model, parsePage(query, decisionPage)),
    );
    api.get<{ Params: { id: string } }>('/api/decisions/:id', ({ params }) => readDecision(deps, params.id));
    api.get('/api/dead-letters', async ({ query }) => ({
      deadLetters: await readDeadLetters(deps, parsePage(query, deadLetterPage)),
    }));
  });
}

/** Answers `{ error, code }`; what nobody expected is logged and told without its insides. */
function sendError(
  logger: Logger,
  error: FastifyError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (isMillraceError(error)) {
    if (error.httpStatus === 503) void reply.header('retry-after', '1');
    return reply.code(error.httpStatus).send({ error: error.message, code: error.code });
  }
  const asked = `${request.method} ${request.url.slice(0, 100)}`;
  const status = error.statusCode ?? INTERNAL_STATUS;
  if (status < INTERNAL_STATUS) {
    return reply.code(status).send({ error: `${asked}: ${error.message}.`, code: 'REQUEST_INVALID' });
  }
  logger.error({ err: error, asked }, 'request failed');
  return reply
    .code(INTERNAL_STATUS)
    .send({ error: `${asked} failed unexpectedly. The log of the console says why.`, code: 'INTERNAL' });
}
