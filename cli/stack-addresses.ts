import type { Environment } from '../src/infra/settings.ts';
import { stackEnvironment } from '../stack/stack-environment.ts';
import { readStackState } from '../stack/stack-state.ts';

/**
 * What the environment leaves open of the servers' addresses, filled in from the stack of the data directory.
 * @throws MillraceError STACK_STATE_INVALID
 */
export function fillFromStack(environment: Environment, dataDir: string): Environment {
  const state = readStackState(dataDir);
  if (state === undefined) return environment;
  const given = Object.entries(environment).filter(([, value]) => value !== undefined && value !== '');
  return { ...stackEnvironment(state), ...Object.fromEntries(given) };
}
