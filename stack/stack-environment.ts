import { LOOPBACK } from './free-port.ts';
import type { ServerName } from './server-name.ts';
import type { StackState } from './stack-state.ts';

/** The variable by which each server's address is given, to us and to the processes that we start. */
export const addressVariables: Readonly<Record<ServerName, string>> = {
  temporal: 'MILLRACE_TEMPORAL_ADDRESS',
  kafka: 'MILLRACE_KAFKA_BROKERS',
  postgres: 'MILLRACE_POSTGRES_URL',
  redis: 'MILLRACE_REDIS_URL',
};

/** Environment variables by which a process finds the servers of a stack. */
export function stackEnvironment(state: StackState): Record<string, string> {
  const { servers } = state;
  const environment: Record<string, string> = {
    [addressVariables.temporal]: servers.temporal.address,
    MILLRACE_TEMPORAL_NAMESPACE: state.namespace,
    [addressVariables.kafka]: servers.kafka.address,
    [addressVariables.postgres]: servers.postgres.address,
    [addressVariables.redis]: servers.redis.address,
  };
  const uiPort = servers.temporal.ports['ui'];
  if (uiPort !== undefined) environment['MILLRACE_TEMPORAL_UI_URL'] = `http://${LOOPBACK}:${uiPort}`;
  return environment;
}
