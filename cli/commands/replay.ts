import { access, constants } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import { messageOf, MillraceError } from '../../src/core/millrace-error.ts';
import { loadProject } from '../../src/infra/load-project.ts';
import type { ReplayEvent, Replayer } from '../../src/stream/replayer.ts';
import { examples, parseMoment, type AddCommand } from '../add-command.ts';
import type { CommandContext } from '../command-context.ts';
import { exitCodes } from '../exit-code.ts';
import { withKafka } from '../open-servers.ts';
import { formatTime } from '../table.ts';

const BATCH_EVENTS_MAX = 2_000;
const NOTE_EVERY_MS = 5_000;

interface ReplayOptions {
  readonly from?: number;
  readonly to?: number;
  readonly speed?: number;
}

interface ReplayTotals {
  sent: number;
  skipped: number;
  firstKnownTime: number | null;
  lastKnownTime: number | null;
}

export const addReplay: AddCommand = (program, act) => {
  program
    .command('replay')
    .summary('send the events of a file')
    .description(
      'Sends events from a file to the topics of their sources: one JSON object a line, { source, id, payload, knownTime }, in order of known time; .gz is unpacked. A second replay of the same events within the dedupe window changes nothing.',
    )
    .argument('<file>', 'events, one a line; .ndjson or .ndjson.gz')
    .option('--from <time>', 'leave out what became known before', parseMoment)
    .option('--to <time>', 'leave out what became known then or later', parseMoment)
    .option(
      '--speed <factor>',
      'seconds of known time per second (default: as fast as Kafka takes them)',
      parseSpeed,
    )
    .addHelpText(
      'after',
      examples(
        'millrace replay events.ndjson.gz',
        'millrace replay events.ndjson --from 2013-04-01T00:00:00Z --speed 3600',
      ),
    )
    .action(
      act(async (context, file: string, options: ReplayOptions) => {
        await assertReadable(file);
        const project = await loadProject(context.options.project);
        const totals = await withKafka(context, async (kafka, names) => {
          const { createReplayer } = await import('../../src/stream/replayer.ts');
          const replayer = await createReplayer(kafka, names, project);
          try {
            return await replayFile(context, replayer, file, options);
          } finally {
            await replayer.close();
          }
        });
        context.output.result(totals, () =>
          totals.sent === 0
            ? `No event sent, ${totals.skipped} left out.`
            : `${totals.sent} events sent, known from ${formatTime(totals.firstKnownTime)} to ${formatTime(totals.lastKnownTime)}; ${totals.skipped} left out.`,
        );
        return context.signal.aborted ? exitCodes.interrupted : exitCodes.ok;
      }),
    );
};

/** Before anything is connected to: a mistyped name is told at once. */
async function assertReadable(file: string): Promise<void> {
  await access(file, constants.R_OK).catch((cause: unknown) => {
    throw new MillraceError(
      'STREAM_REPLAY_INVALID',
      `Event file '${file}' can't be read: ${messageOf(cause)}. Check the path.`,
      { cause },
    );
  });
}

async function replayFile(
  context: CommandContext,
  replayer: Replayer,
  file: string,
  { from = -Infinity, to = Infinity, speed }: ReplayOptions,
): Promise<ReplayTotals> {
  const { readEventFile } = await import('../read-event-file.ts');
  const totals: ReplayTotals = { sent: 0, skipped: 0, firstKnownTime: null, lastKnownTime: null };
  const startedAt = performance.now();
  let notedAt = startedAt;
  let batch: ReplayEvent[] = [];
  const flush = async (): Promise<void> => {
    await replayer.send(batch);
    totals.sent += batch.length;
    totals.lastKnownTime = batch.at(-1)?.knownTime ?? totals.lastKnownTime;
    batch = [];
    if (performance.now() - notedAt < NOTE_EVERY_MS) return;
    notedAt = performance.now();
    context.output.note(`${totals.sent} events sent, up to ${formatTime(totals.lastKnownTime)}`);
  };
  for await (const event of readEventFile(file)) {
    if (context.signal.aborted) break;
    if (event.knownTime < from || event.knownTime >= to) {
      totals.skipped += 1;
      continue;
    }
    totals.firstKnownTime ??= event.knownTime;
    const dueInMs =
      speed === undefined
        ? 0
        : (event.knownTime - totals.firstKnownTime) / speed - (performance.now() - startedAt);
    if (dueInMs > 0) {
      await flush();
      await sleep(dueInMs, undefined, { signal: context.signal }).catch(() => undefined);
    }
    batch.push(event);
    if (batch.length >= BATCH_EVENTS_MAX) await flush();
  }
  await flush();
  return totals;
}

function parseSpeed(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('Expected a number above 0, such as 60.');
  return value;
}
