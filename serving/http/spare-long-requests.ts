import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Gives a function by which a connection is spared the limit for receiving a whole request, which node knows only for all
 * of a server: a body that is answered while it comes in has limits of its own.
 */
export function createSpared(app: FastifyInstance): (socket: Socket) => void {
  const spared = new WeakSet<object>();
  const { server } = app;
  const listeners = server.listeners('clientError') as ((error: Error, socket: Socket) => void)[];
  server.removeAllListeners('clientError');
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && spared.has(socket)) return;
    for (const listener of listeners) listener.call(server, error, socket as Socket);
  });
  return (socket) => spared.add(socket);
}
