import { execFileSync } from 'node:child_process';
import { chown, stat } from 'node:fs/promises';
import { MillraceError } from '../src/core/millrace-error.ts';
import { findProgram } from './find-program.ts';
import type { FinderContext } from './finder.ts';
import { runTool } from './run-tool.ts';

const PROBE_LIMIT_MS = 5_000;
const SUBSTITUTE_ID = 1000;
/** Users that exist for such purposes, the fitting one first. */
const substituteUsers = ['postgres', 'nobody'];

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

/** A way to run a program that refuses to work for root. */
export interface Unprivileged {
  readonly wrap: (command: readonly string[]) => Command;
  /** Makes a file or an empty folder belong to the one that the command runs as. */
  readonly give: (path: string) => Promise<void>;
}

const asIs: Unprivileged = { wrap: toCommand, give: () => Promise.resolve() };

/**
 * For root: a user namespace in which root's files belong to an ordinary user (nothing changes hands, private folders
 * stay readable), else a change to a user that exists, who then has to own the data.
 * @param probe a harmless command of that program: a way counts only if it can run it
 */
export async function unprivileged(probe: readonly string[], context: FinderContext): Promise<Unprivileged> {
  if (process.getuid?.() !== 0) return asIs;
  const namespaced = await byNamespace(probe, context);
  if (namespaced !== undefined) return namespaced;
  const changed = await byUserChange(probe, context);
  if (changed !== undefined) return changed;
  throw new MillraceError(
    'STACK_SERVER_UNAVAILABLE',
    "Server 'postgres' refuses to run as root, and neither 'unshare --user' nor 'setpriv' with the user " +
      `${substituteUsers.join(' or ')} works here. Start Millrace as an ordinary user, or name a server in MILLRACE_POSTGRES_URL.`,
  );
}

async function byNamespace(
  probe: readonly string[],
  context: FinderContext,
): Promise<Unprivileged | undefined> {
  const unshare = await findProgram('unshare', context.environment);
  if (unshare === undefined) return undefined;
  const wrap = (command: readonly string[]): Command =>
    toCommand([unshare, '--user', `--map-user=${SUBSTITUTE_ID}`, `--map-group=${SUBSTITUTE_ID}`, ...command]);
  return (await works(wrap(probe), context)) ? { wrap, give: asIs.give } : undefined;
}

async function byUserChange(
  probe: readonly string[],
  context: FinderContext,
): Promise<Unprivileged | undefined> {
  const setpriv = await findProgram('setpriv', context.environment);
  if (setpriv === undefined) return undefined;
  for (const user of substituteUsers) {
    const uid = idOf('-u', user);
    const gid = idOf('-g', user);
    if (uid === undefined || gid === undefined) continue;
    const wrap = (command: readonly string[]): Command =>
      toCommand([setpriv, `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', ...command]);
    const give = async (path: string): Promise<void> => {
      if ((await stat(path)).uid !== uid) await chown(path, uid, gid);
    };
    if (await works(wrap(probe), context)) return { wrap, give };
  }
  return undefined;
}

function idOf(flag: '-u' | '-g', user: string): number | undefined {
  try {
    const text = execFileSync('id', [flag, user], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return Number(text.trim());
  } catch {
    return undefined;
  }
}

async function works(command: Command, context: FinderContext): Promise<boolean> {
  try {
    await runTool({
      ...command,
      environment: context.environment,
      signal: context.signal,
      timeoutMs: PROBE_LIMIT_MS,
    });
    return true;
  } catch {
    context.signal.throwIfAborted();
    return false;
  }
}

function toCommand(words: readonly string[]): Command {
  const [program = '', ...args] = words;
  return { program, args };
}
