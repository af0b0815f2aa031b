import { access, constants } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import { messageOf, MillraceError } from '../../src/core/millrace-error.ts';
import type { Source } from '../../src/define/source.ts';
import { loadProject } from '../../src/infra/load-project.ts';
import type { Replayer, SourceEvent } from '../../src/stream/replayer.ts';
import { examples, parseMoment, type AddCommand } from '../add-command.ts';
import type { CommandContext } from '../command-context.ts';
import { exitCodes } from '../exit-code.ts';
import { sourcesNamed } from '../sources-named.ts';
import { withKafka } from '../open-servers.ts';
import { formatTime } from '../table.ts';

const BATCH_EVENTS_MAX = 2_000;
const NOTE_EVERY_MS = 5_000;

interface ReplayOptions {
  readonly source?: string;
  readonly knownTime?: string;
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
      'Sends events from a file to the topics of their sources: one JSON object a line, { source, id, payload, knownTime }, in order of known time; .gz is unpacked. With --source, rows of a table, Parquet or CSV with a header: the events of that source, whose fields its columns are. A second replay of the same events within the dedupe window changes nothing.',
    )
    .argument('<file>', 'events, one a line: .ndjson or .ndjson.gz; or rows: .parquet or .csv')
    .option('--source <name>', 'source whose events the rows of a table are')
    .option('--known-time <column>', "column of a table that says when each row became known, where the source's known time is carried; rows are sent in its order")
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
        "millrace replay 'history/*.parquet' --source payments --known-time recorded_at",
      ),
    )
    .action(
      act(async (context, file: string, options: ReplayOptions) => {
        const isTable = isEventTable(file);
        assertFits(file, isTable, options);
        if (!isTable) await assertReadable(file);
        const project = await loadProject(context.options.project);
        const [source] = options.source === undefined ? [] : sourcesNamed(project, options.source, context.options.project);
        const totals = await withKafka(context, async (kafka, names) => {
          const { createReplayer } = await import('../../src/stream/replayer.ts');
          const replayer = await createReplayer(kafka, names, project);
          try {
            return await replayFile(context, replayer, { file, source }, options);
          } finally {
            await replayer.close();
          }
        });
        context.output.result(totals, () =>
          totals.sent === 0
            ? `No event sent, ${totals.skipped} left out.`
            : `${totals.sent} events sent${totals.firstKnownTime === null ? '' : `, known from ${formatTime(totals.firstKnownTime)} to ${formatTime(totals.lastKnownTime)}`}; ${totals.skipped} left out.`,
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

/** Lines name their sources and their known times themselves. */
function assertFits(file: string, isTable: boolean, { source, knownTime, from, to, speed }: ReplayOptions): void {
  if (isTable && source === undefined) throw new InvalidArgumentError(`Rows of '${file}' are events of one source, and none is named. Name it with --source.`);
  if (!isTable && (source ?? knownTime) !== undefined) throw new InvalidArgumentError(`Lines of '${file}' say source and known time themselves. Leave --source and --known-time out, or give a table, .parquet or .csv.`);
  if (isTable && knownTime === undefined && (from ?? to ?? speed) !== undefined) throw new InvalidArgumentError('--from, --to and --speed go by the known time. Name its column with --known-time.');
}

const isEventTable = (file: string): boolean => /\.(parquet|csv)$/i.test(file);

interface EventFile {
  readonly file: string;
  /** Of the rows of a table; absent where lines name theirs. */
  readonly source: Source | undefined;
}

async function replayFile(context: CommandContext, replayer: Replayer, { file, source }: EventFile, options: ReplayOptions): Promise<ReplayTotals> {
  const sending = new Sending(context, replayer, options);
  try {
    if (source === undefined) {
      const { readEventFile } = await import('../read-event-file.ts');
      for await (const event of readEventFile(file)) await sending.take(event);
    } else {
      const { readEventTable } = await import('../../src/stream/read-event-table.ts');
      const { duckdbOptions, loadColdLogConfig } = await import('../../src/infra/cold-log-config.ts');
      const config = loadColdLogConfig(await context.environment());
      await readEventTable({ file, source, knownTime: options.knownTime }, duckdbOptions(config), async (events) => {
        for (const event of events) await sending.take(event);
      });
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
  }
  await sending.flush();
  return sending.totals;
}

/** Sends events in batches, at the pace that is asked for. */
class Sending {
  readonly totals: ReplayTotals = { sent: 0, skipped: 0, firstKnownTime: null, lastKnownTime: null };
  readonly #context: CommandContext;
  readonly #replayer: Replayer;
  readonly #options: ReplayOptions;
  readonly #startedAt = performance.now();
  #notedAt = this.#startedAt;
  #batch: SourceEvent[] = [];

  constructor(context: CommandContext, replayer: Replayer, options: ReplayOptions) {
    this.#context = context;
    this.#replayer = replayer;
    this.#options = options;
  }

  /** Throws once the command is aborted: what was taken before stays to be flushed. */
  async take(event: SourceEvent): Promise<void> {
    const { signal } = this.#context;
    signal.throwIfAborted();
    const { from = -Infinity, to = Infinity } = this.#options;
    const { knownTime } = event;
    if (knownTime !== null) {
      if (knownTime < from || knownTime >= to) {
        this.totals.skipped += 1;
        return;
      }
      this.totals.firstKnownTime ??= knownTime;
      const dueInMs = this.#dueInMs(knownTime - this.totals.firstKnownTime);
      if (dueInMs > 0) {
        await this.flush();
        await sleep(dueInMs, undefined, { signal });
      }
    }
    this.#batch.push(event);
    if (this.#batch.length >= BATCH_EVENTS_MAX) await this.flush();
  }

  async flush(): Promise<void> {
    await this.#replayer.send(this.#batch);
    this.totals.sent += this.#batch.length;
    this.totals.lastKnownTime = this.#batch.at(-1)?.knownTime ?? this.totals.lastKnownTime;
    this.#batch = [];
    if (performance.now() - this.#notedAt < NOTE_EVERY_MS) return;
    this.#notedAt = performance.now();
    const { sent, lastKnownTime } = this.totals;
    this.#context.output.note(`${sent} events sent${lastKnownTime === null ? '' : `, up to ${formatTime(lastKnownTime)}`}`);
  }

  #dueInMs(sinceFirstMs: number): number {
    const { speed } = this.#options;
    return speed === undefined ? 0 : sinceFirstMs / speed - (performance.now() - this.#startedAt);
  }
}

function parseSpeed(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0)
    throw new InvalidArgumentError('Expected a number above 0, such as 60.');
  return value;
}
