import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { answerPlainRequest, type PlainRequestOptions } from './answer-plain-request.ts';
import { FairTurns } from './fair-turns.ts';
import { LaneConnection, type Lane } from './lane-connection.ts';
import { HeadReader } from './request-head.ts';

export interface FastLaneOptions extends Omit<PlainRequestOptions, 'parseJson'> {
  readonly bodyBytesMax: number;
  readonly keepAliveMs: number;
  /** How often connections are looked at that are slow or idle. */
  readonly lookEveryMs: number;
  /** For how long a turn of the event loop serves, ms. */
  readonly turnMs: number;
}

type Listener = (socket: Socket) => void;

/**
 * Answers plain requests for inference and predictions in front of a server, which gets all others: node's and the framework's
 * own work is a quarter of what such a request would cost. Every connection starts in the lane. A request that is not as plain as
 * {@link readRequestHead} wants it, or that comes too slowly, takes its connection to the server for good, so that what is hard
 * in HTTP is done by the parser that the server has, and in one place.
 */
export function openFastLane(app: FastifyInstance, isTls: boolean, options: FastLaneOptions): void {
  const { server } = app;
  const event = isTls ? 'secureConnection' : 'connection';
  const listeners = server.listeners(event) as Listener[];
  const { bodyBytesMax, keepAliveMs, lookEveryMs, turnMs, dataPlane } = options;
  const plainOptions = { ...options, parseJson: jsonParserOf(app) };
  const connections = new Set<LaneConnection>();
  let closed = false;
  const lane: Lane = {
    bodyBytesMax,
    keepAliveMs,
    get retiring() {
      return dataPlane.retiring;
    },
    heads: new HeadReader(),
    turns: new FairTurns(turnMs),
    answer: (head, body, departure, arrivedAt) => answerPlainRequest(plainOptions, { head, body, departure, arrivedAt }),
    handOver(connection, unread) {
      const { socket } = connection;
      connections.delete(connection);
      connection.detach();
      socket.pause();
      if (unread.length > 0) socket.unshift(unread);
      for (const listener of listeners) listener.call(server, socket);
      socket.resume();
    },
    forget: (connection) => connections.delete(connection),
  };
  server.removeAllListeners(event);
  server.on(event, (socket: Socket) => {
    const connection = new LaneConnection(socket, lane);
    connections.add(connection);
    if (closed) connection.close();
  });
  const looks = setInterval(() => {
    const now = performance.now();
    for (const connection of connections) connection.look(now);
    if (closed && connections.size === 0) clearInterval(looks);
  }, lookEveryMs).unref();
  app.addHook('preClose', (done) => {
    closed = true;
    for (const connection of connections) connection.close();
    done();
  });
}

/** Bodies are parsed by what the routes parse them by, which takes no prototypes. */
function jsonParserOf(app: FastifyInstance): PlainRequestOptions['parseJson'] {
  const parse = app.getDefaultJsonParser('error', 'error') as unknown as (request: undefined, text: string, done: (error: Error | null, value?: unknown) => void) => void;
  return (text) => {
    let parsed: { readonly value: unknown } | undefined;
    parse(undefined, text, (error, value) => {
      if (error === null) parsed = { value };
    });
    return parsed;
  };
}
