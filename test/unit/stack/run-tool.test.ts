import { expect, test } from 'vitest';
import { runTool } from '../../../stack/run-tool.ts';

const run = (script: string, timeoutMs = 10_000) =>
  runTool({ program: process.execPath, args: ['-e', script], environment: process.env, signal: new AbortController().signal, timeoutMs });

test('what a tool writes to standard output comes back', async () => {
  expect(await run("console.log('one'); console.log('two'); console.error('three')")).toBe('one\ntwo');
});

test('a tool that fails is STACK_TOOL_FAILED with its exit code and its last lines', async () => {
  await expect(run("console.error('no space left'); process.exit(3)")).rejects.toMatchObject({
    code: 'STACK_TOOL_FAILED',
    message: expect.stringMatching(/exit code 3\.\nno space left/) as string,
  });
});

test('a tool that overruns is ended', async () => {
  await expect(run('setInterval(() => {}, 1000)', 300)).rejects.toMatchObject({
    code: 'STACK_TOOL_FAILED',
    message: expect.stringContaining('did not end within 0.3 s') as string,
  });
});

test('a tool that is not there is STACK_TOOL_FAILED', async () => {
  const missing = { program: 'millrace-no-such-tool', args: [], environment: process.env, signal: new AbortController().signal, timeoutMs: 1_000 };
  await expect(runTool(missing)).rejects.toMatchObject({ code: 'STACK_TOOL_FAILED' });
});
