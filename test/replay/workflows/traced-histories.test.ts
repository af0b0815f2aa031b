import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { describe, it } from 'vitest';
import { createLogger } from '../../../src/infra/logger.ts';
import { bundleWorkflows } from '../../../workers/bundle-workflows.ts';

const directory = new URL('../histories', import.meta.url).pathname;
const histories = readdirSync(directory).flatMap((workflow) =>
  readdirSync(join(directory, workflow)).map((file) => ({ workflow, file, path: join(directory, workflow, file) })),
);

describe('recorded histories, where tracing was turned on since', () => {
  it.each(histories)('of $workflow replay against the current code: $file', async ({ path }) => {
    const workflowBundle = await bundleWorkflows(join(tmpdir(), 'millrace-test-bundles'), createLogger('test', 'warn'), true);
    await Worker.runReplayHistory({ workflowBundle }, JSON.parse(readFileSync(path, 'utf8')) as unknown);
  });
});
