import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ServerSecurity, TlsOptions } from '../src/infra/server-security.ts';
import type { ServerName } from './server-name.ts';

const PROBE_LIMIT_MS = 2_000;

/** Whether a server of ours answers in its own protocol: over plain text, as all of them are started. */
export async function probeServer(server: ServerName, address: string): Promise<boolean> {
  return (await probeFailure(server, address)) === undefined;
}

/**
 * Why a server does not answer in its own protocol; undefined where it does. A port that is merely open is not enough:
 * each of them accepts connections before it can work. Written out by hand, since the drivers log and retry on their own.
 * @param address 'host:port'; for Kafka a list, of which one that answers is enough; a URL for Postgres and Redis
 */
export async function probeFailure(server: ServerName, address: string, security?: ServerSecurity): Promise<string | undefined> {
  let failure: string | undefined;
  for (const one of address.split(',')) {
    const open = opener(server, one.trim(), security);
    failure = await exchange(open, greetings[server], isAnswer[server]);
    if (failure === undefined) return undefined;
  }
  return failure;
}

function opener(server: ServerName, address: string, security: ServerSecurity | undefined): (onOpen: () => void) => Socket {
  const { host, port } = hostAndPort(server, address);
  const tls = tlsOf(server, address, security);
  if (tls === undefined) return (onOpen) => connect({ host, port }, onOpen);
  const name = isIP(host) === 0 ? { servername: host } : {};
  const protocol = server === 'temporal' ? { ALPNProtocols: ['h2'] } : {};
  return (onOpen) => connectTls({ host, port, ...name, ...protocol, ...tls }, onOpen);
}

function tlsOf(server: ServerName, address: string, security: ServerSecurity | undefined): TlsOptions | undefined {
  // It answers what we ask in plain text also where it takes no client without TLS.
  if (server === 'postgres') return undefined;
  if (server === 'redis') return address.startsWith('rediss:') ? {} : undefined;
  return security?.[server].tls;
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
  open: (onOpen: () => void) => Socket,
  greeting: Buffer,
  accepts: (answer: Buffer) => boolean,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = Buffer.alloc(0);
    const socket = open(() => socket.write(greeting));
    const finish = (failure: string): void => {
      socket.destroy();
      resolve(accepts(answer) ? undefined : failure);
    };
    socket.setTimeout(PROBE_LIMIT_MS, () => finish(`it was silent for ${PROBE_LIMIT_MS} ms`));
    socket.once('error', (error) => finish(error.message));
    socket.once('end', () => finish('it closed the connection'));
    socket.on('data', (chunk) => {
      answer = Buffer.concat([answer, chunk]);
      if (accepts(answer)) finish('');
    });
  });
}
