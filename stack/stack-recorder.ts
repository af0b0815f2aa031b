import { assertInvariant } from '../src/core/assert-invariant.ts';
import { serverNames, type ServerName } from './server-name.ts';
import {
  emptyStackFile,
  isRunning,
  writeStackFile,
  type ServerState,
  type StackFile,
  type StackState,
} from './stack-state.ts';

/** Keeps the state file up to date while several servers start at the same time. */
export interface StackRecorder {
  record(server: ServerName, state: ServerState): Promise<void>;
  /** As `record`, for a server that this start has begun: it is ended if the start fails. */
  recordStarted(server: ServerName, state: ServerState): Promise<void>;
  /** The servers that this start has begun. */
  startedHere(): readonly ServerName[];
  /** The state as recorded so far. */
  current(): StackFile;
  finish(): Promise<StackState>;
}

export function createStackRecorder(
  dataDir: string,
  namespace: string,
  before: StackFile | undefined,
): StackRecorder {
  let file: StackFile = { ...(before ?? emptyStackFile(namespace)), namespace, phase: 'starting' };
  const started = new Set<ServerName>();
  let lastWrite: Promise<void> = Promise.resolve();
  const write = (): Promise<void> => {
    const snapshot = file;
    // One after the other: the draft file has one name, and the newest state has to be the last.
    lastWrite = lastWrite.catch(() => undefined).then(() => writeStackFile(dataDir, snapshot));
    return lastWrite;
  };
  const record = (server: ServerName, state: ServerState): Promise<void> => {
    file = { ...file, servers: { ...file.servers, [server]: state } };
    return write();
  };
  return {
    record,
    recordStarted: (server, state) => {
      started.add(server);
      return record(server, state);
    },
    startedHere: () => serverNames.filter((server) => started.has(server)),
    current: () => file,
    finish: async () => {
      file = { ...file, phase: 'running' };
      await write();
      assertInvariant(isRunning(file), 'a stack is finished when each server was recorded');
      return file;
    },
  };
}
