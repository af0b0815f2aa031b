import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { endProcess, type OwnedProcess } from '../../../stack/end-process.ts';
import { processIdentity } from '../../../stack/process-identity.ts';

let child: ChildProcess | undefined;
afterEach(() => child?.kill('SIGKILL'));

async function run(code: string): Promise<OwnedProcess> {
  child = spawn(process.execPath, ['-e', `${code}; console.log('up'); setInterval(() => {}, 1000)`], {
    detached: true,
  });
  if (child.stdout !== null) await once(child.stdout, 'data');
  const pid = child.pid ?? 0;
  return { pid, identity: processIdentity(pid) ?? '' };
}

describe('ending a process', () => {
  it('is done by the signal where that is enough', async () => {
    expect(await endProcess(await run(''), 'SIGTERM', 5_000)).toBe('ended');
  });

  it('is done by force after the limit', async () => {
    const stubborn = await run("process.on('SIGTERM', () => {})");
    expect(await endProcess(stubborn, 'SIGTERM', 200)).toBe('killed');
  });

  it('leaves another process of the same number alone', async () => {
    const { pid } = await run('');
    expect(await endProcess({ pid, identity: 'an earlier boot/1' }, 'SIGTERM', 200)).toBe('not running');
    expect(processIdentity(pid)).toBeDefined();
  });
});
