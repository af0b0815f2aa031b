import type { ServerName } from './server-name.ts';

export type StackPhase =
  'finding' | 'fetching' | 'starting' | 'ready' | 'stopping' | 'stopped' | 'failed' | 'crashed';

/** One thing that happened to one server while the stack is started, watched or stopped. */
export interface StackProgress {
  readonly server: ServerName;
  readonly phase: StackPhase;
  /** One line for people. */
  readonly message: string;
  /** The end of the server's log, oldest line first, where the server failed or crashed. */
  readonly logTail?: readonly string[];
}

export type OnStackProgress = (progress: StackProgress) => void;
