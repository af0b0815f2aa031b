import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const cli = fileURLToPath(new URL('../../cli/millrace.mjs', import.meta.url));
const projectFile = fileURLToPath(new URL('./project.ts', import.meta.url));

/** What `millrace start --json` says once everything runs. */
export interface StartedMillrace {
  /** Addresses of servers and processes, as every command takes them. */
  readonly environment: Readonly<Record<string, string>>;
  readonly consoleUrl: string;
  readonly gatewayUrl: string;
  readonly servingUrl: string;
  readonly temporalUiUrl: string | null;
  /** Ends the processes, then the servers. */
  stop(): Promise<void>;
  /** Rejects when `millrace start` ends by itself. */
  readonly ended: Promise<never>;
}

/**
 * Runs `millrace start` as a user would: servers, apply, workflows and all processes.
 * @param onLine gets each line that it says, set-up progress first
 */
export async function startMillrace(dataDir: string, onLine: (line: string) => void): Promise<StartedMillrace> {
  const child = spawn(process.execPath, [cli, 'start', '--json', '--stop-servers', '--data-dir', dataDir, '--project', projectFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  createInterface({ input: child.stderr }).on('line', onLine);
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const ended = exited.then(([code, signal]) => {
    throw new Error(`millrace start ended with ${signal ?? `exit code ${code}`}`);
  });
  // It also ends when it is asked to.
  ended.catch(() => undefined);
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await exited;
    }
  };
  try {
    const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])) as [string];
    const ready = JSON.parse(line) as Omit<StartedMillrace, 'stop' | 'ended'>;
    return { ...ready, stop, ended };
  } catch (error) {
    await stop();
    throw error;
  }
}
