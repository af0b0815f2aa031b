import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Names } from '../contracts/names.ts';
import type { Clock } from '../core/clock.ts';
import { errorTable, type ErrorCode } from '../core/error-table.ts';
import { isMillraceError, messageOf, MillraceError } from '../core/millrace-error.ts';
import type { Source } from '../define/source.ts';
import { countAccessRefusals } from '../infra/access/access-refusals.ts';
import { challengeOf } from '../infra/access/challenge.ts';
import { guardRoutes } from '../infra/access/guard-routes.ts';
import { openAccess } from '../infra/access/open-access.ts';
import type { KafkaClient } from '../infra/kafka.ts';
import type { OutgoingMessage } from '../infra/kafka-producer.ts';
import type { Logger } from '../infra/logger.ts';
import type { Registry } from '../infra/metrics.ts';
import { traceHeaders } from '../infra/trace-context.ts';
import { noteFailure, traceRequests } from '../infra/trace-requests.ts';
import { inSpan, type Span, type Tracer } from '../infra/tracing.ts';
import { EventAcceptor } from './accept-events.ts';
import { gatewayAccess } from './gateway-access.ts';
import { createGatewayMetrics, type GatewayMetrics } from './gateway-metrics.ts';
import { openGatewayServer } from './gateway-server.ts';
import { gatewaySettingNames, type GatewaySettings } from './gateway-settings.ts';
import { GroupCommit } from './group-commit.ts';
import { parseEventBody } from './parse-event-body.ts';
import { assertTakesEvents, sourceNotFound } from './replayer.ts';

export interface GatewayDeps {
  readonly kafka: KafkaClient;
  readonly names: Names;
  readonly sources: readonly Source[];
  readonly settings: GatewaySettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
  /** Absent where tracing is off. */
  readonly tracer?: Tracer | undefined;
}

/** Header of a request that says when all its events became known: ISO 8601 or ms since the epoch. */
const KNOWN_TIME_REQUEST_HEADER = 'millrace-known-time';
/** Messages of one request to Kafka: those of all HTTP requests that came in meanwhile. */
const GROUP_MESSAGES_MAX = 5_000;
const RETRY_AFTER_SECONDS_MAX = 30;

/**
 * The HTTP door for events. An accepted event is durable: 202 comes after the broker's acknowledgement,
 * and while Kafka is slow or away there is 429 or 503 with Retry-After, never 202.
 * @throws CONFIG_INVALID where a file of keys or certificates is wrong
 */
export async function createGateway(deps: GatewayDeps): Promise<FastifyInstance> {
  const { settings, registry, logger } = deps;
  // First, because its files may be wrong: nothing else is open then.
  const access = await openAccess(settings, { names: gatewaySettingNames, refusals: countAccessRefusals(registry), logger });
  const producer = await deps.kafka.createProducer();
  const app = openGatewayServer(settings, access.certificates, (error, request, reply) => answer(error, request, reply));
  const spanOf = traceRequests(app, deps.tracer);
  const metrics = createGatewayMetrics(registry);
  const answer = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const span = spanOf(request);
    const code = answerError(logger.child({ requestId: request.id, traceId: span?.traceId }), error, reply);
    noteFailure(span, error, reply.statusCode);
    // There are none where the path is no URL.
    const { source } = (request.params ?? {}) as { readonly source?: string };
    // A source that is not in the project would be a label of its own for each wrong name.
    const known = deps.sources.find(({ name }) => name === source);
    metrics.failures.inc({ source: known?.name ?? 'unknown', code });
  };
  const outbox = new GroupCommit<readonly OutgoingMessage[], undefined>(
    async (groups) => {
      await producer.send(groups.flat());
      return groups.map(() => undefined);
    },
    (messages) => messages.length,
    GROUP_MESSAGES_MAX,
  );
  const door = new EventDoor(deps, metrics, (messages) => outbox.add(messages));
  // Bodies are parsed by the door, which knows where in the request a problem lies.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
  app.setErrorHandler(answer);
  app.addHook('onRequest', async (request, reply) => {
    void reply.header('x-request-id', request.id);
  });
  app.setNotFoundHandler((request, reply) => {
    void reply.code(404).send({
      error: `There is no '${request.method} ${request.url.slice(0, 100)}'. Send events with POST /v1/events/{source}.`,
      code: 'REQUEST_INVALID',
    });
  });
  guardRoutes(app, gatewayAccess, access.control, settings.metricsAccess === 'open');
  app.post<{ Params: { source: string } }>('/v1/events/:source', (request, reply) => door.receive(request, reply, spanOf(request)));
  app.get('/v1/health/live', () => ({ status: 'live' }));
  app.get('/v1/health/ready', async () => {
    await deps.kafka.topicPartitions(deps.sources.map((source) => deps.names.sourceTopic(source.name)));
    return { status: 'ready' };
  });
  app.get('/metrics', async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
  app.addHook('onClose', () => Promise.all([producer.close(), access.close()]));
  return app;
}

class EventDoor {
  readonly #deps: GatewayDeps;
  readonly #send: (messages: readonly OutgoingMessage[]) => Promise<unknown>;
  readonly #acceptors: ReadonlyMap<string, EventAcceptor>;
  readonly #metrics: GatewayMetrics;
  #inFlight = 0;
  /** Events a second that Kafka took of late: how long the events in flight will need. */
  #eventsPerSecond = 1_000;

  constructor(deps: GatewayDeps, metrics: GatewayMetrics, send: (messages: readonly OutgoingMessage[]) => Promise<unknown>) {
    this.#deps = deps;
    this.#metrics = metrics;
    this.#send = send;
    this.#acceptors = new Map(
      deps.sources.map((source) => [source.name, new EventAcceptor(source, deps.names)]),
    );
  }

  async receive(
    request: FastifyRequest<{ Params: { source: string } }>,
    reply: FastifyReply,
    span: Span | undefined,
  ): Promise<unknown> {
    const acceptor = this.#acceptors.get(request.params.source);
    if (acceptor === undefined) throw sourceNotFound(request.params.source, [...this.#acceptors.keys()]);
    assertTakesEvents(acceptor.source);
    const { settings, clock } = this.#deps;
    const knownTime = acceptor.knownTimeOf(request.headers[KNOWN_TIME_REQUEST_HEADER], clock());
    const payloads = parseEventBody(
      request.headers['content-type'],
      request.body as string | undefined,
      settings.eventsMax,
    );
    const messages = acceptor.accept(payloads, knownTime, clock());
    if (this.#inFlight > 0 && this.#inFlight + messages.length > settings.inFlightEventsMax) {
      this.#metrics.refused.inc({ source: acceptor.source.name }, messages.length);
      const seconds = Math.min(RETRY_AFTER_SECONDS_MAX, Math.ceil(this.#inFlight / this.#eventsPerSecond));
      void reply.header('retry-after', String(Math.max(1, seconds)));
      throw new MillraceError(
        'STREAM_OVERLOADED',
        `The gateway has ${this.#inFlight} events in flight, at most ${settings.inFlightEventsMax}: Kafka is slow. Nothing was accepted; send again after the time in Retry-After.`,
      );
    }
    await this.#sendTraced(acceptor.source.name, messages, span);
    return reply.code(202).send({ accepted: messages.length });
  }

  /** Kafka's part of a request that is recorded: what ingest makes of the events goes on from it. */
  async #sendTraced(source: string, messages: readonly OutgoingMessage[], span: Span | undefined): Promise<void> {
    const { tracer } = this.#deps;
    if (tracer === undefined || span?.isSampled !== true) return this.#sendCounted(source, messages);
    const attributes = { 'messaging.system': 'kafka', 'messaging.batch.message_count': messages.length, 'millrace.source': source };
    const sending = tracer.start(`send ${source}`, { kind: 'producer', parent: span, attributes });
    const headers = traceHeaders(sending);
    const named = messages.map((message) => ({ ...message, headers: { ...message.headers, ...headers } }));
    await inSpan(sending, () => this.#sendCounted(source, named));
  }

  async #sendCounted(source: string, messages: readonly OutgoingMessage[]): Promise<void> {
    const { inFlight, accepted, seconds } = this.#metrics;
    this.#inFlight += messages.length;
    inFlight.set(this.#inFlight);
    const ahead = this.#inFlight;
    const start = performance.now();
    try {
      await this.#send(messages);
      const took = (performance.now() - start) / 1_000;
      this.#eventsPerSecond = Math.max(
        1,
        0.9 * this.#eventsPerSecond + 0.1 * (ahead / Math.max(took, 0.001)),
      );
      accepted.inc({ source }, messages.length);
      seconds.observe(took);
    } finally {
      this.#inFlight -= messages.length;
      inFlight.set(this.#inFlight);
    }
  }
}

/** @returns the code that it answers */
function answerError(logger: Logger, error: unknown, reply: FastifyReply): ErrorCode | 'INTERNAL' {
  if (isMillraceError(error) && error instanceof MillraceError) {
    if (error.httpStatus === 503) void reply.header('retry-after', '1');
    const { problems, count } = error.details;
    void reply.code(error.httpStatus).headers(challengeOf(error)).send({
      error: error.message,
      code: error.code,
      ...(problems === undefined ? {} : { problems, count }),
    });
    logger.debug({ code: error.code }, 'request refused');
    return error.code;
  }
  const status = (error as { statusCode?: number }).statusCode ?? 500;
  if (status >= 500) {
    logger.error({ err: error }, 'request failed');
    void reply.code(status).send({ error: 'The gateway failed; its log says why.', code: 'INTERNAL' });
    return 'INTERNAL';
  }
  const code: ErrorCode =
    status === errorTable.REQUEST_TOO_LARGE.httpStatus ? 'REQUEST_TOO_LARGE' : 'REQUEST_INVALID';
  void reply.code(status).send({ error: messageOf(error), code });
  return code;
}
