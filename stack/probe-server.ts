import { connect, type Socket } from 'node:net';
import type { ServerName } from './server-name.ts';

const PROBE_LIMIT_MS = 2_000;

/**
 * Whether a server answers in its own protocol. A port that is merely open is not enough: each of them accepts
 * connections before it can work. Written out by hand, since the drivers log and retry on their own.
 * @param address 'host:port'; for Kafka a list, of which one that answers is enough; a URL for Postgres and Redis
 */
export async function probeServer(server: ServerName, address: string): Promise<boolean> {
  for (const one of address.split(',')) {
    const { host, port } = hostAndPort(server, one.trim());
    if (await exchange(host, port, greetings[server], isAnswer[server])) return true;
  }
  return false;
}

const defaultPorts: Readonly<Record<ServerName, number>> = {
  temporal: 7233,
  kafka: 9092,
  postgres: 5432,
  redis: 6379,
};

export function hostAndPort(server: ServerName, address: string): { host: string; port: number } {
  const url = new URL(address.includes('://') ? address : `tcp://${address}`);
  const port = url.port === '' ? defaultPorts[server] : Number(url.port);
  // A bracketed IPv6 address is bare for a socket.
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port };
}

const HTTP2_PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const HTTP2_EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
const HTTP2_SETTINGS_TYPE = 4;
const CLIENT_NAME = 'millrace';

const greetings: Readonly<Record<ServerName, Buffer>> = {
  temporal: Buffer.concat([Buffer.from(HTTP2_PREFACE), HTTP2_EMPTY_SETTINGS]),
  kafka: kafkaApiVersionsRequest(),
  postgres: postgresStartupMessage(),
  redis: Buffer.from('*1\r\n$4\r\nPING\r\n'),
};

const isAnswer: Readonly<Record<ServerName, (answer: Buffer) => boolean>> = {
  temporal: (answer) => answer.length >= 4 && answer[3] === HTTP2_SETTINGS_TYPE,
  kafka: (answer) => answer.length >= 10 && answer.readInt32BE(4) === 1 && answer.readInt16BE(8) === 0,
  // Asks for a password, or refuses us for a reason other than still starting up or shutting down (57P..).
  postgres: (answer) => {
    const text = answer.toString('latin1');
    return text.startsWith('R') || (text.startsWith('E') && !text.includes('\0C57P'));
  },
  // That a password is wanted is an answer; that the data set is still loading is not.
  redis: (answer) => /^(\+PONG|-NOAUTH|-DENIED)/.test(answer.toString('latin1')),
};

/** Size, key 18 (ApiVersions), version 0, correlation 1, client id. */
function kafkaApiVersionsRequest(): Buffer {
  const request = Buffer.alloc(14 + CLIENT_NAME.length);
  request.writeInt32BE(10 + CLIENT_NAME.length, 0);
  request.writeInt16BE(18, 4);
  request.writeInt16BE(0, 6);
  request.writeInt32BE(1, 8);
  request.writeInt16BE(CLIENT_NAME.length, 12);
  request.write(CLIENT_NAME, 14);
  return request;
}

/** Size, protocol 3.0, parameters as pairs of zero-terminated strings. */
function postgresStartupMessage(): Buffer {
  const parameters = Buffer.from(`user\0${CLIENT_NAME}\0database\0postgres\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + parameters.length, 0);
  head.writeInt32BE(3 << 16, 4);
  return Buffer.concat([head, parameters]);
}

function exchange(
  host: string,
  port: number,
  greeting: Buffer,
  accepts: (answer: Buffer) => boolean,
): Promise<boolean> {
  return new Promise((resolve) => {
    let answer = Buffer.alloc(0);
    const socket: Socket = connect({ host, port });
    const finish = (): void => {
      socket.destroy();
      resolve(accepts(answer));
    };
    socket.setTimeout(PROBE_LIMIT_MS, finish);
    socket.once('error', finish);
    socket.once('end', finish);
    socket.once('connect', () => socket.write(greeting));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (accepts(answer)) finish();
    });
  });
}
