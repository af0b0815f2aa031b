import type { TestProject } from 'vitest/node';
import { findTemporal } from '../../stack/find-temporal.ts';
import { defaultCacheDir } from '../../stack/start-stack.ts';
import type { RunningStack } from '../../stack/start-stack.ts';
import { acquireSharedStack, releaseSharedStack } from './shared-stack.ts';
import type { TestStack } from './test-stack.ts';

declare module 'vitest' {
  interface ProvidedContext {
    testStack: TestStack;
  }
}

/** Starts the real servers for a test run, or takes those that the environment names, and ends them after it. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const stack = await acquireSharedStack();
  const { servers } = stack.state;
  project.provide('testStack', {
    postgresUrl: servers.postgres.address,
    redisUrl: servers.redis.address,
    kafkaBrokers: servers.kafka.address.split(','),
    temporalAddress: servers.temporal.address,
    temporalNamespace: stack.state.namespace,
    temporalCli: stack.temporalCli ?? (await temporalCli(stack)),
  });
  return releaseSharedStack;
}

/** Tests start Temporal servers of their own too, also where the shared one was started elsewhere. */
async function temporalCli(stack: RunningStack): Promise<string> {
  const failures: string[] = [];
  const program = await findTemporal({
    cacheDir: defaultCacheDir(process.env),
    environment: process.env,
    signal: new AbortController().signal,
    report: (message) => process.stderr.write(`${message}\n`),
    noteFailure: (way, reason) => failures.push(`${way}: ${reason}`),
  });
  if (program !== undefined) return program;
  stack.unwatch();
  throw new Error(`No Temporal CLI for the tests: ${failures.join('; ')}`);
}
