import type { OnStackProgress, StackProgress } from '../stack/stack-progress.ts';
import type { CommandContext } from './command-context.ts';

/** Tells what happens to the servers, one line each, a failure with the end of its log. */
export const tellStackProgress =
  (context: CommandContext): OnStackProgress =>
  (progress) =>
    context.output.note(describeStackProgress(progress));

const NAME_WIDTH = 9;

export function describeStackProgress({ server, phase, message, logTail }: StackProgress): string {
  const tail = (logTail ?? []).map((line) => `\n    ${line}`).join('');
  return `${server.padEnd(NAME_WIDTH)} ${phase}: ${message}${tail}`;
}

/** An address as it may be shown. */
export const withoutPassword = (address: string): string => address.replace(/:[^:@/]+@/, '@');
