import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { MillraceError } from '../src/core/millrace-error.ts';
import { environmentValue, type Environment } from './environment.ts';

export const LOOPBACK = '127.0.0.1';
const PORT_MAX = 65_535;
const ATTEMPTS_MAX = 50;
/**
 * Below the range from which systems take ports for outgoing connections (32768 upwards on Linux, 49152 elsewhere): a
 * port from that range may be taken between this choice and the server's own listening, by any client that connects.
 */
const CHOICE_MIN = 20_000;
const CHOICE_END = 32_000;
/** Several servers choose at the same time, each before it listens. */
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
  if (wish.remembered !== undefined && (await canListen(wish.remembered))) {
    handedOut.add(wish.remembered);
    return wish.remembered;
  }
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const port = randomInt(CHOICE_MIN, CHOICE_END);
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    if (await canListen(port)) return port;
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
  if (!(await canListen(port))) {
    throw new MillraceError(
      'STACK_PORT_BUSY',
      `${variable} demands port ${port} of ${LOOPBACK}, but another program listens there. ` +
        'Stop that program, name another port, or unset the variable for a free port.',
    );
  }
  return port;
}

/** Listens for a moment. */
function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ host: LOOPBACK, port, exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
