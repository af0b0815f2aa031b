import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { repositoryRoot } from '../../../support/repository-files.ts';
import { tinyScore, writeTinyModel, type TinyModel } from '../../../support/serving/tiny-onnx.ts';

const run = promisify(execFile);
const LIMIT_MS = 90_000;
const DESCRIPTORS = 512;
const model: TinyModel = { weights: [0.5, -1, 2], bias: 0.25 };

/** Kills a session's process while no descriptor is left to start another with, and asks again once there are some. */
const program = (source: object): string => `
  import { closeSync, openSync } from 'node:fs';
  const { ChildSession } = await import('./serving/session-host/child-session.ts');
  const { SessionProcess } = await import('./serving/session-host/session-process.ts');
  const { createLogger } = await import('./src/infra/logger.ts');
  const limits = { openTimeoutMs: 60_000, runTimeoutMs: 5_000 };
  const session = await ChildSession.open({ source: ${JSON.stringify(source)}, ...limits, logger: createLogger('test', 'silent') });
  const pid = await session.pid();
  const descriptors = [];
  try { for (;;) descriptors.push(openSync('/dev/null', 'r')); } catch {}
  const refused = await SessionProcess.open(${JSON.stringify(source)}, limits).catch((error) => error);
  process.kill(pid, 'SIGKILL');
  await new Promise((resolve) => setTimeout(resolve, 300));
  for (const descriptor of descriptors) closeSync(descriptor);
  const scored = async () => [...(await session.run(Float32Array.of(1, 2, 3)))];
  let scores;
  while (scores === undefined) scores = await scored().catch(() => new Promise((resolve) => setTimeout(resolve, 50)));
  console.log(JSON.stringify({ code: refused.code, message: refused.message, scores }));
  process.exit(0);
`;

it('is lost where it could not be started for want of descriptors, and is started again once there are some', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-session-'));
  try {
    const source = { ...writeTinyModel(directory, 'tiny.onnx', model), columns: 3, providers: ['cpu'], tensorflowBackends: [] };
    const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', program(source)];
    const { stdout } = await run('sh', ['-c', `ulimit -n ${DESCRIPTORS} && exec "$0" "$@"`, ...node], { cwd: repositoryRoot });
    const { scores, ...refused } = JSON.parse(stdout) as { code: string; message: string; scores: number[] };
    expect(refused).toEqual({ code: 'SERVING_SESSION_LOST', message: expect.stringMatching(/could not be started \(.*EMFILE/) as string });
    expect(scores[0]).toBeCloseTo(tinyScore(model, [1, 2, 3]), 6);
  } finally {
    rmSync(directory, { recursive: true });
  }
}, LIMIT_MS);
