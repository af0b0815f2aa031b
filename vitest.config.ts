import { defineConfig } from 'vitest/config';

/** Kinds of test: the first two need no server, the others share one stack that the global set-up starts. */
const project = (name: string, options: { timeoutMs: number; servers: boolean }) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: options.timeoutMs,
    hookTimeout: options.timeoutMs,
    pool: 'forks' as const,
    ...(options.servers ? { globalSetup: ['test/support/global-setup.ts'] } : {}),
  },
});

export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: ['default'],
    projects: [
      project('unit', { timeoutMs: 20_000, servers: false }),
      project('property', { timeoutMs: 60_000, servers: false }),
      project('integration', { timeoutMs: 120_000, servers: true }),
      project('workflow', { timeoutMs: 120_000, servers: true }),
      project('replay', { timeoutMs: 120_000, servers: true }),
      project('e2e', { timeoutMs: 300_000, servers: true }),
    ],
  },
});
