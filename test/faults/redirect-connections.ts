/**
 * Preloaded into the processes under test: connections to a server go to the proxy of that server that belongs to the
 * process, whatever address a driver uses. Kafka names its own address to its clients, so addresses in settings are
 * not enough.
 */
import { Socket, type SocketConnectOpts } from 'node:net';

/** `from:to` pairs of ports on the loopback address, with commas between. */
const redirects = new Map(
  (process.env['MILLRACE_FAULTS_REDIRECT'] ?? '')
    .split(',')
    .map((pair) => pair.split(':').map(Number) as [number, number]),
);

type Connect = (this: Socket, ...args: unknown[]) => Socket;
const prototype = Socket.prototype as unknown as { connect: Connect };
const connect = prototype.connect;

prototype.connect = function (...args) {
  const [first, ...rest] = args;
  // Node's own functions hand over options and callback as one array.
  if (Array.isArray(first)) redirect(first[0]);
  else if (typeof first === 'object') redirect(first);
  else return connect.call(this, redirects.get(Number(first)) ?? first, ...rest);
  return connect.apply(this, args);
};

function redirect(options: unknown): void {
  const target = options as SocketConnectOpts & { port?: number | string };
  const to = redirects.get(Number(target.port));
  if (to !== undefined) target.port = to;
}
