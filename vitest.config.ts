import { defineConfig } from 'vitest/config';

/** Kinds of test: the first two need no server, the others share one stack that the global set-up starts. */
const project = (name: string, options: { timeoutMs: number; globalSetup?: string }) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    testTimeout: options.timeoutMs,
    hookTimeout: options.timeoutMs,
    pool: 'forks' as const,
    ...(options.globalSetup === undefined ? {} : { globalSetup: [options.globalSetup] }),
  },
});

const sharedStack = 'test/support/global-setup.ts';

export default defineConfig({
  test: {
    maxWorkers: 2,
    reporters: ['default'],
    projects: [
      project('unit', { timeoutMs: 20_000 }),
      project('property', { timeoutMs: 60_000 }),
      project('integration', { timeoutMs: 120_000, globalSetup: sharedStack }),
      project('workflow', { timeoutMs: 120_000, globalSetup: sharedStack }),
      project('replay', { timeoutMs: 120_000, globalSetup: sharedStack }),
      project('e2e', { timeoutMs: 300_000, globalSetup: sharedStack }),
      // Random requests to a serving process: `npm run test:fuzz`.
      project('fuzz', { timeoutMs: 300_000, globalSetup: sharedStack }),
      // Takes a quarter of an hour: `npm run test:swaps`.
      project('swaps', { timeoutMs: 300_000, globalSetup: sharedStack }),
      // Restarts servers, so it has its own, and takes minutes: `npm run test:faults`.
      project('faults', { timeoutMs: 300_000, globalSetup: 'test/faults/global-setup.ts' }),
    ],
  },
});
