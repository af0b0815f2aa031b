/**
 * What it costs that rows can be taken back: the same view, events and keys over a source of events that stay and over one
 * whose rows change, on one core. Turns of both alternate; the least time of each counts. Prints the machine, the commit and
 * the command beside the figures.
 */
import { CHANGE_SIGN } from '../../src/define/change-fields.ts';
import { compileView, prepareEvent, type ViewProgram } from '../../src/fold/compile-view.ts';
import { encodeState } from '../../src/fold/state-codec.ts';
import { applyEvent, createState, readFeatures, type ViewState } from '../../src/fold/view-state.ts';
import { entity, featureView, source } from '../../src/index.ts';
import { runHeading } from '../measure/run-heading.ts';
import { createRandom, payments } from './activity-view.ts';

const KEYS = 1_000;
const EVENTS = 500_000;
const TURNS = 3;
const DISTINCT_EVENTS = 16_384;
const EVENT_STEP_MS = 1_000;
const READS = 20_000;
const START_MS = Date.UTC(2024, 0, 1);

const changing = source({ ...payments, id: 'id', eventTime: 'at', clockSkew: '0s', changes: true });

const programOf = (of: typeof payments): ViewProgram =>
  compileView(
    featureView({
      name: 'sums',
      entity: entity({ name: 'card', keys: ['card'] }),
      source: of,
      features: (a) => ({
        count_24h: a.count({ window: '24h' }),
        sum_1h: a.sum('amount', { window: '1h' }),
        mean_24h: a.mean('amount', { window: '24h' }),
        stddev_24h: a.stddev('amount', { window: '24h' }),
      }),
    }),
  );

/** Processor time, so that other work on the machine counts less. */
function seconds(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** @param update whether each second event is an update of the one before by key: two rows of one offset */
function foldAll(program: ViewProgram, inputs: Float64Array, update: boolean): ViewState[] {
  const states = Array.from({ length: KEYS }, () => createState(program));
  const retracted = inputs.slice();
  const { signInput, inputCount } = program;
  if (signInput >= 0) for (let at = signInput; at < inputs.length; at += inputCount) retracted[at] = -1;
  for (let i = 0; i < EVENTS; i++) {
    const state = states[i % KEYS]!;
    const time = START_MS + i * EVENT_STEP_MS;
    const at = (i % DISTINCT_EVENTS) * inputCount;
    if (update && i >= KEYS && Math.floor(i / KEYS) % 2 === 1) {
      const before = ((i - KEYS) % DISTINCT_EVENTS) * inputCount;
      applyEvent(program, state, 0, i, time - KEYS * EVENT_STEP_MS, time, retracted, before);
    }
    applyEvent(program, state, 0, i, time, time, inputs, at);
  }
  return states;
}

interface Measured {
  fold: number;
  read: number;
  states: ViewState[];
}

function measure(program: ViewProgram, inputs: Float64Array, update: boolean): Measured {
  let states: ViewState[] = [];
  const fold = seconds(() => (states = foldAll(program, inputs, update)));
  const asOf = START_MS + EVENTS * EVENT_STEP_MS;
  const out = new Float64Array(program.featureNames.length);
  const read = seconds(() => {
    for (let i = 0; i < READS; i++) readFeatures(program, states[i % KEYS]!, asOf, out, 0);
  });
  return { fold, read, states };
}

function preparedEvents(program: ViewProgram): Float64Array {
  const random = createRandom();
  const inputs = new Float64Array(DISTINCT_EVENTS * program.inputCount);
  for (let i = 0; i < DISTINCT_EVENTS; i++) {
    const amount = Math.round(random() * 10_000) / 100;
    const row = { id: '', at: START_MS, card: '', amount, fee: null, online: true, [CHANGE_SIGN]: 1 };
    prepareEvent(program, row, inputs, i * program.inputCount);
  }
  return inputs;
}

function main(): void {
  console.log(runHeading('npx tsx bench/fold/changing-source.ts'));
  const cases = [
    { what: 'events that stay', program: programOf(payments), update: false },
    { what: 'rows that change, inserts only', program: programOf(changing as never), update: false },
    { what: 'rows that change, half of them updates', program: programOf(changing as never), update: true },
  ].map((one) => ({ ...one, inputs: preparedEvents(one.program), turns: [] as Measured[] }));
  for (let turn = 0; turn < TURNS; turn++)
    for (const one of cases) one.turns.push(measure(one.program, one.inputs, one.update));
  for (const { what, program, turns } of cases) {
    const best = (of: 'fold' | 'read') => Math.min(...turns.map((turn) => turn[of]));
    const { states } = turns[0]!;
    const tiles = states.reduce((sum, one) => sum + one.runs.reduce((n, run) => n + run.count, 0), 0) / KEYS;
    const bytes = states.reduce((sum, one) => sum + encodeState(program, one).length, 0) / KEYS;
    const rate = (count: number, spent: number) => Math.round(count / spent).toLocaleString('en');
    console.log(
      `${what.padEnd(40)} ${rate(EVENTS, best('fold'))} messages/s, ${rate(READS, best('read'))} keys read/s, ${tiles.toFixed(0)} tiles and ${bytes.toFixed(0)} bytes a key`,
    );
  }
}

main();
