import { createServer } from 'node:net';
import { MillraceError } from '../src/core/millrace-error.ts';
import { environmentValue, type Environment } from './environment.ts';

export const LOOPBACK = '127.0.0.1';
const PORT_MAX = 65_535;
const ATTEMPTS_MAX = 50;
/** The kernel may offer a port again until its server listens, and several servers choose at the same time. */
const handedOut = new Set<number>();

export interface PortWish {
  /** The variable that may demand a port, for example `MILLRACE_KAFKA_PORT`. */
  readonly variable: string;
  /** The port of the last start, used again where it is free. */
  readonly remembered?: number | undefined;
}

/**
 * A free port of the loopback address: the demanded one, else the remembered one, else any.
 * @throws MillraceError STACK_PORT_BUSY when a demanded port is taken, CONFIG_INVALID when it is no port
 */
export async function choosePort(wish: PortWish, environment: Environment): Promise<number> {
  const demanded = environmentValue(environment, wish.variable);
  if (demanded !== undefined) return await demandPort(wish.variable, demanded);
  if (wish.remembered !== undefined && (await listenOnce(wish.remembered)) !== undefined) {
    return wish.remembered;
  }
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const port = await listenOnce(0);
    if (port === undefined || handedOut.has(port)) continue;
    handedOut.add(port);
    return port;
  }
  throw new MillraceError(
    'STACK_PORT_BUSY',
    `No free port on ${LOOPBACK} for ${wish.variable} in ${ATTEMPTS_MAX} attempts. End what holds so many ports.`,
  );
}

async function demandPort(variable: string, text: string): Promise<number> {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > PORT_MAX) {
    throw new MillraceError(
      'CONFIG_INVALID',
      `${variable} is '${text}': expected a port from 1 to ${PORT_MAX}. Correct it or unset it for a free port.`,
    );
  }
  if ((await listenOnce(port)) === undefined) {
    throw new MillraceError(
      'STACK_PORT_BUSY',
      `${variable} demands port ${port} of ${LOOPBACK}, but another program listens there. ` +
        'Stop that program, name another port, or unset the variable for a free port.',
    );
  }
  return port;
}

/** Listens for a moment; undefined when the port can't be had. */
function listenOnce(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(undefined);
    });
    server.listen({ host: LOOPBACK, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === 'object' && address !== null ? address.port : undefined);
      });
    });
  });
}
