/**
 * How the fold's time grows with its events, its keys and its windows, each ten times apart: three tables and a chart,
 * written to bench/README.md between its marks.
 *
 *     npx tsx bench/fold/growth.ts [--print]
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { compileView, prepareEvent } from '../../src/fold/compile-view.ts';
import { applyEvent, createState, type ViewState } from '../../src/fold/view-state.ts';
import type { FeatureView } from '../../src/define/feature-view.ts';
import { entity, featureView } from '../../src/index.ts';
import { markdownTable } from '../measure/markdown-table.ts';
import { runHeading } from '../measure/run-heading.ts';
import { activity, createRandom, payments } from './activity-view.ts';
import { growthChart, type Growth } from './growth-chart.ts';

const START_MS = Date.UTC(2024, 0, 1);
/** The same stretch of time whatever the number of events, so that states have the same tiles to fill. */
const STRETCH_MS = 24 * 3_600_000;
const DISTINCT_EVENTS = 4_096;
const EVENTS = 400_000;
const KEYS = 1_000;
const TURNS = 3;
const README = path.resolve(import.meta.dirname, '../README.md');
const CHART = path.resolve(import.meta.dirname, '../growth.svg');
const MARK = { start: '<!-- growth: start -->', end: '<!-- growth: end -->' } as const;

const { values: options } = parseArgs({ options: { print: { type: 'boolean', default: false } } });

/** One feature per window; hops of their own where the ladder gives them, so that each is work. */
function viewOfWindows(count: number): FeatureView {
  return featureView({
    name: `windows_${count}`,
    entity: entity({ name: 'card', keys: ['card'] }),
    source: payments,
    features: (a) =>
      Object.fromEntries(
        Array.from({ length: count }, (_, i) => [
          `mean_${i + 1}h`,
          a.mean('amount', { window: `${i + 1}h`, hop: `${i + 1}m` }),
        ]),
      ),
  });
}

/** CPU seconds of the fold of so many events over so many keys; the least of some turns. */
function timeFold(view: FeatureView, events: number, keys: number): number {
  const program = compileView(view);
  const random = createRandom();
  const inputs = new Float64Array(DISTINCT_EVENTS * program.inputCount);
  for (let i = 0; i < DISTINCT_EVENTS; i++) {
    const amount = Math.round(random() * 10_000) / 100;
    const row = { id: '', at: START_MS, card: '', amount, fee: amount / 50, online: random() < 0.5 };
    prepareEvent(program, row, inputs, i * program.inputCount);
  }
  const keyOf = Int32Array.from({ length: events }, () => Math.floor(random() * keys));
  const turns = Array.from({ length: TURNS }, () => {
    const before = process.cpuUsage();
    const states = new Array<ViewState | undefined>(keys).fill(undefined);
    for (let i = 0; i < events; i++) {
      const state = (states[keyOf[i]!] ??= createState(program));
      const time = START_MS + Math.floor((i / events) * STRETCH_MS);
      applyEvent(program, state, i & 3, i, time, time, inputs, (i % DISTINCT_EVENTS) * program.inputCount);
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  });
  return Math.min(...turns);
}

function growth(axis: string, sizes: readonly number[], time: (size: number) => number): Growth {
  return { axis, points: sizes.map((size) => ({ size, seconds: time(size) })) };
}

function tableOf({ axis, points }: Growth): string {
  const rows = points.map(({ size, seconds }, i) => {
    const before = points[i - 1];
    const times = before === undefined ? '' : (seconds / before.seconds).toFixed(1);
    return [size.toLocaleString('en'), seconds.toFixed(3), times];
  });
  return markdownTable([axis, 'CPU s', 'times the row before'], rows);
}

function main(): void {
  // Compiles the loops before anything is timed.
  timeFold(activity, 200_000, 100);
  const all = [
    growth('events', [1_000, 10_000, 100_000, 1_000_000], (size) => timeFold(activity, size, KEYS)),
    growth('keys', [10, 100, 1_000, 10_000], (size) => timeFold(activity, EVENTS, size)),
    growth('windows', [1, 10, 100], (size) => timeFold(viewOfWindows(size), EVENTS / 10, KEYS)),
  ];
  const text = [
    `${runHeading('npx tsx bench/fold/growth.ts')}. CPU time, least of ${TURNS}. Events: ${KEYS.toLocaleString('en')} keys, the view of \`fold-core\`; keys: ${EVENTS.toLocaleString('en')} events of it; windows: ${(EVENTS / 10).toLocaleString('en')} events, one mean per window, each with a hop of its own.`,
    ...all.map(tableOf),
    '![CPU time against events, keys and windows](growth.svg)',
  ].join('\n\n');
  console.log(text);
  if (options.print) return;
  writeFileSync(CHART, growthChart(all));
  const readme = readFileSync(README, 'utf8');
  const [from, to] = [readme.indexOf(MARK.start), readme.indexOf(MARK.end)];
  if (from < 0 || to < from) throw new Error(`${README} has no marks '${MARK.start}' and '${MARK.end}'`);
  writeFileSync(README, `${readme.slice(0, from + MARK.start.length)}\n\n${text}\n\n${readme.slice(to)}`);
}

main();
