import { setTimeout as sleep } from 'node:timers/promises';
import type { ExperimentCommand } from '../src/contracts/experiment.ts';
import { lifecycleSignals, type LifecycleEvent } from '../src/contracts/lifecycle.ts';
import { formatDuration } from '../src/core/duration.ts';
import { MillraceError } from '../src/core/millrace-error.ts';
import type { CommandContext } from './command-context.ts';
import { exitCodes, type ExitCode } from './exit-code.ts';
import { lifecycleOf, type LifecycleClient } from './lifecycle-client.ts';
import { withTemporal } from './open-servers.ts';
import { signalLifecycle } from './signal-lifecycle.ts';

const POLL_MS = 250;

export interface ExperimentWait {
  readonly wait?: boolean;
  /** Milliseconds. */
  readonly timeout: number;
}

const signals = {
  'start-experiment': lifecycleSignals.startExperiment,
  'change-experiment': lifecycleSignals.changeExperiment,
  'end-experiment': lifecycleSignals.endExperiment,
} as const;
const outcomes = { 'start-experiment': 'started', 'change-experiment': 'changed', 'end-experiment': 'ended' } as const;

/**
 * Asks a model's lifecycle for something about an experiment; where asked to, follows it until it is done or refused.
 * @throws MillraceError WAIT_TIMED_OUT; it may still be done
 */
export async function commandExperiment(context: CommandContext, model: string, command: ExperimentCommand, { wait, timeout }: ExperimentWait): Promise<ExitCode> {
  const { kind, ...payload } = command;
  if (wait !== true) return signalLifecycle(context, model, signals[kind], payload);
  return withTemporal(context, `commanding an experiment of '${model}'`, async (client, { namespace }) => {
    const lifecycle = lifecycleOf(client, namespace, model);
    const before = new Set((await lifecycle.history()).map(keyOf));
    await lifecycle.signal(signals[kind], payload);
    const event = await outcomeOf(lifecycle, command, before, AbortSignal.any([context.signal, AbortSignal.timeout(timeout)]));
    if (event === null) {
      context.signal.throwIfAborted();
      throw new MillraceError(
        'WAIT_TIMED_OUT',
        `The lifecycle of '${model}' did not say within ${formatDuration(timeout)} what became of it; it may still do it. Follow it with 'millrace status', or wait longer with --timeout.`,
      );
    }
    context.output.result({ model, kind, ...event }, () => `${event.what}: ${event.why}`);
    return event.what.endsWith(outcomes[kind]) ? exitCodes.ok : exitCodes.refused;
  });
}

/** Null where it is aborted before. */
async function outcomeOf(lifecycle: LifecycleClient, command: ExperimentCommand, before: ReadonlySet<string>, signal: AbortSignal): Promise<LifecycleEvent | null> {
  const name = command.kind === 'start-experiment' ? command.name : command.experiment;
  const isOutcome = ({ what }: LifecycleEvent): boolean => what === `experiment '${name}' ${outcomes[command.kind]}` || what.startsWith(`${command.kind} `);
  while (!signal.aborted) {
    const found = (await lifecycle.history()).find((event) => isOutcome(event) && !before.has(keyOf(event)));
    if (found !== undefined) return found;
    await sleep(POLL_MS, undefined, { signal }).catch(() => undefined);
  }
  return null;
}

const keyOf = ({ at, what, why }: LifecycleEvent): string => `${at} ${what} ${why}`;
