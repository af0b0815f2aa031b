import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { messageOf, MillraceError } from '../../src/core/millrace-error.ts';
import { loadProject } from '../../src/infra/load-project.ts';
import { TRY_EVENTS_MAX, tryView, type SampleLine, type TriedView } from '../../src/stream/try-view.ts';
import { examples, parseMoment, type AddCommand } from '../add-command.ts';
import { exitCodes } from '../exit-code.ts';
import { formatTime, NONE, renderPairs, renderTable } from '../table.ts';
import { viewNamed } from '../view-named.ts';

interface TryCommandOptions {
  readonly events: string;
  readonly asOf?: number;
  readonly key?: readonly string[];
  readonly each?: boolean;
}

export const addFeaturesTry: AddCommand = (features, act) => {
  features
    .command('try')
    .summary('run a view on sample events, without a server')
    .description(
      "Runs a feature view of the project on the events of a file, in memory: what is refused and why, and the values of each key at the end. A line is an event's payload, known when it happened, or an event as 'millrace replay' takes it. No server is asked and nothing is written.",
    )
    .argument('<view>', 'feature view name')
    .requiredOption('--events <file>', 'one JSON object a line')
    .option('--as-of <time>', 'read as of then (default: the newest known time)', parseMoment)
    .option('--key <values...>', 'only this key: its fields in order')
    .option('--each', 'also what each event changes')
    .addHelpText(
      'after',
      examples(
        'millrace features try origin_departed --events sample.ndjson',
        'millrace features try origin_departed --events sample.ndjson --key JFK --each',
      ),
    )
    .action(
      act(async (context, viewName: string, options: TryCommandOptions) => {
        const { project } = context.options;
        const view = viewNamed(await loadProject(project), viewName, project);
        const { asOf, key, each } = options;
        const tried = tryView(view, await readLines(options.events), {
          ...(asOf === undefined ? {} : { asOf }),
          ...(key === undefined ? {} : { key }),
          ...(each === undefined ? {} : { each }),
        });
        context.output.result(tried, () => describe(tried));
        return exitCodes.ok;
      }),
    );
};

/** @throws MillraceError STREAM_REPLAY_INVALID */
async function readLines(file: string): Promise<SampleLine[]> {
  const lines: SampleLine[] = [];
  let line = 0;
  try {
    for await (const text of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      line += 1;
      if (text.trim() === '') continue;
      if (lines.length === TRY_EVENTS_MAX) {
        throw new MillraceError(
          'STREAM_REPLAY_INVALID',
          `Event file '${file}' has more than ${TRY_EVENTS_MAX} events. Try a part of it, or send all with 'millrace replay'.`,
        );
      }
      lines.push({ line, text });
    }
  } catch (error) {
    if (error instanceof MillraceError) throw error;
    throw new MillraceError('STREAM_REPLAY_INVALID', `Event file '${file}' can't be read: ${messageOf(error)}.`, {
      cause: error,
    });
  }
  return lines;
}

function describe({ view, version, asOf, events, deadLetters, keys, steps }: TriedView): string {
  const left: readonly (readonly [number, string])[] = [
    [events.duplicates, 'dropped as second deliveries'],
    [events.withoutKey, 'without a key'],
    [events.others, 'of other sources'],
    [events.later, `known after ${formatTime(asOf)}`],
  ];
  const counts = left.filter(([count]) => count > 0).map(([count, what]) => `, ${count} ${what}`);
  return [
    renderPairs([
      ['view', `${view} version ${version}`],
      ['as of', formatTime(asOf)],
      ['events', `${events.taken} taken${counts.join('')}`],
      ['dead letters', String(deadLetters.length)],
    ]),
    ...(deadLetters.length === 0
      ? []
      : [deadLetters.map(({ line, code, message }) => `line ${line}: ${message} (${code})`).join('\n')]),
    ...(steps.length === 0
      ? []
      : [
          renderTable(
            [{ title: 'LINE', align: 'right' }, { title: 'KNOWN' }, { title: 'KEY' }, { title: 'FEATURE' }, { title: 'VALUE', align: 'right' }],
            steps.flatMap(({ line, knownTime, key, changed }) =>
              Object.entries(changed).map(([name, value]) => [String(line), formatTime(knownTime), key, name, textOf(value)]),
            ),
          ),
        ]),
    keys.length === 0
      ? 'No key has a value: no event was taken.'
      : renderTable(
          [{ title: 'KEY' }, { title: 'FEATURE' }, { title: 'VALUE', align: 'right' }],
          keys.flatMap(({ key, stale, values }) =>
            Object.entries(values).map(([name, value]) => [stale ? `${key} (stale)` : key, name, textOf(value)]),
          ),
        ),
  ].join('\n\n');
}

const textOf = (value: number | null): string => (value === null ? NONE : String(value));
