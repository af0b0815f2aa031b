import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { describe, expect, it } from 'vitest';
import * as workflows from '../../../workflows/index.ts';
import { testBundle } from '../../support/workflows/workflow-stage.ts';

const directory = new URL('../histories', import.meta.url).pathname;
const histories = readdirSync(directory).flatMap((workflow) =>
  readdirSync(join(directory, workflow)).map((file) => ({ workflow, file, path: join(directory, workflow, file) })),
);
const read = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
const replay = async (history: unknown, isTraced = false) => Worker.runReplayHistory({ workflowBundle: await testBundle(isTraced) }, history);

describe('recorded histories', () => {
  it('are there for every exported workflow', () => {
    const recorded = new Set(histories.map(({ workflow }) => workflow));
    expect([...recorded].sort()).toEqual(Object.keys(workflows).map(kebab).sort());
  });

  it.each(histories)('of $workflow replay against the current code: $file', async ({ path }) => {
    await replay(read(path));
  });

  it.each(histories)('of $workflow replay where tracing was turned on since: $file', async ({ path }) => {
    await replay(read(path), true);
  });

  it('that were changed are found out', async () => {
    const { path } = histories.find(({ workflow }) => workflow === 'rollout-model') ?? { path: '' };
    const corrupted = JSON.parse(readFileSync(path, 'utf8').replaceAll('"beginStep"', '"skipStep"')) as unknown;
    await expect(replay(corrupted)).rejects.toThrow(/[Nn]on-?determinis/);
  });
});
