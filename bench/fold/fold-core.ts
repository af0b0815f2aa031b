/**
 * The fold alone, on one core: events applied per second, states encoded, decoded and read, and the rows of a
 * training set. Prints the machine, the commit and the command beside the figures.
 */
import { pathToFileURL } from 'node:url';
import { compileView, prepareEvent, type ViewProgram } from '../../src/fold/compile-view.ts';
import { FrameWriter, readFrame } from '../../src/fold/event-frame.ts';
import { TextIds } from '../../src/fold/text-ids.ts';
import { groupSpine, KeyedAsOfFold } from '../../src/fold/keyed-as-of-fold.ts';
import { decodeState, encodeState } from '../../src/fold/state-codec.ts';
import { applyEvent, createState, readFeatures, type ViewState } from '../../src/fold/view-state.ts';
import { entity, featureView } from '../../src/index.ts';
import { orderByKey } from '../../src/store/as-of/sorted-events.ts';
import { runHeading } from '../measure/run-heading.ts';
import { activity, createRandom, payments } from './activity-view.ts';

const KEYS = 10_000;
const EVENTS = 2_000_000;
const BLOCK_EVENTS = 100_000;
const DISTINCT_EVENTS = 65_536;
const EVENT_STEP_MS = 40;
const START_MS = Date.UTC(2024, 0, 1);
const HOUR_MS = 3_600_000;
const TRAINING_ROWS = 330_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const SAMPLES = 20_000;
const FRAME_EVENTS = 500;

/** Three keys, five windows of many tiles: what an airport's view is like. */
const dense = featureView({
  name: 'dense',
  entity: entity({ name: 'card', keys: ['card'] }),
  source: payments,
  features: (a) => ({
    mean_1h: a.mean('amount', { window: '1h' }),
    mean_3h: a.mean('amount', { window: '3h' }),
    mean_24h: a.mean('amount', { window: '24h' }),
    mean_3d: a.mean('amount', { window: '3d' }),
    mean_7d: a.mean('amount', { window: '7d' }),
  }),
});

/** Processor time, so that other work on the machine counts less; garbage collection is in it. */
function seconds(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function report(what: string, count: number, unit: string, spent: number): void {
  const rate = Math.round(count / spent).toLocaleString('en');
  console.log(`${what.padEnd(44)} ${rate.padStart(12)} ${unit}/s  (${spent.toFixed(2)} CPU s)`);
}

function preparedEvents(program: ViewProgram): Float64Array {
  const random = createRandom();
  const inputs = new Float64Array(DISTINCT_EVENTS * program.inputCount);
  for (let i = 0; i < DISTINCT_EVENTS; i++) {
    const row = {
      id: '',
      at: START_MS,
      card: '',
      amount: Math.round(random() * 10_000) / 100,
      fee: random() < 0.3 ? null : Math.round(random() * 100) / 100,
      online: random() < 0.5,
    };
    prepareEvent(program, row, inputs, i * program.inputCount);
  }
  return inputs;
}

function benchUpdates(): readonly ViewState[] {
  const program = compileView(activity);
  const inputs = preparedEvents(program);
  const random = createRandom();
  const names = Array.from({ length: KEYS }, (_, i) => `card-${i}`);
  const keys = Int32Array.from({ length: EVENTS }, () => Math.floor(random() * KEYS));
  const delays = Float64Array.from({ length: DISTINCT_EVENTS }, () =>
    random() < 0.1 ? random() * HOUR_MS : 0,
  );
  let states = new Map<string, ViewState>();
  const foldAll = () => {
    states = new Map();
    for (let i = 0; i < EVENTS; i++) {
      const name = names[keys[i]!]!;
      let state = states.get(name);
      if (state === undefined) states.set(name, (state = createState(program)));
      const knownTime = START_MS + i * EVENT_STEP_MS;
      const effectiveTime = Math.floor(knownTime - delays[i % DISTINCT_EVENTS]!);
      const at = (i % DISTINCT_EVENTS) * program.inputCount;
      applyEvent(program, state, i & 3, i, effectiveTime, knownTime, inputs, at);
    }
  };
  report('apply, first pass (10 % late events)', EVENTS, 'events', seconds(foldAll));
  report('apply, second pass', EVENTS, 'events', seconds(foldAll));
  report('apply, key by key in blocks', EVENTS, 'events', seconds(() => foldByKey(program, keys, delays, inputs)));
  const all = [...states.values()];
  benchStates(program, all);
  benchFrames(program, inputs);
  return all;
}

/** As the fold consumer applies a block: its events are sorted by key first, so that each state is touched once a block. */
function foldByKey(program: ViewProgram, keys: Int32Array, delays: Float64Array, inputs: Float64Array): void {
  const states = Array.from({ length: KEYS }, () => createState(program));
  for (let from = 0; from < EVENTS; from += BLOCK_EVENTS) {
    const end = Math.min(EVENTS, from + BLOCK_EVENTS);
    const next = new Uint32Array(KEYS + 1);
    for (let i = from; i < end; i++) next[keys[i]! + 1]! += 1;
    for (let key = 0; key < KEYS; key++) next[key + 1]! += next[key]!;
    const members = new Uint32Array(end - from);
    for (let i = from; i < end; i++) members[next[keys[i]!]!++] = i;
    for (const i of members) {
      const knownTime = START_MS + i * EVENT_STEP_MS;
      const effectiveTime = Math.floor(knownTime - delays[i % DISTINCT_EVENTS]!);
      const at = (i % DISTINCT_EVENTS) * program.inputCount;
      applyEvent(program, states[keys[i]!]!, i & 3, i, effectiveTime, knownTime, inputs, at);
    }
  }
}

function benchStates(program: ViewProgram, states: readonly ViewState[]): void {
  const asOf = START_MS + EVENTS * EVENT_STEP_MS;
  const out = new Float64Array(program.featureNames.length);
  const sample = Array.from({ length: SAMPLES }, (_, i) => states[i % states.length]!);
  const encoded = sample.map((state) => encodeState(program, state));
  const bytes = encoded.reduce((sum, one) => sum + one.length, 0) / encoded.length;
  const tiles =
    states.reduce((sum, one) => sum + one.runs.reduce((n, run) => n + run.count, 0), 0) / states.length;
  console.log(`state of a key: ${tiles.toFixed(0)} tiles, ${bytes.toFixed(0)} bytes`);
  report(
    'read',
    SAMPLES,
    'keys',
    seconds(() => sample.forEach((state) => readFeatures(program, state, asOf, out, 0))),
  );
  report(
    'encode',
    SAMPLES,
    'states',
    seconds(() => sample.forEach((state) => encodeState(program, state))),
  );
  report(
    'decode and read',
    SAMPLES,
    'states',
    seconds(() => encoded.forEach((one) => readFeatures(program, decodeState(program, one), asOf, out, 0))),
  );
}

function benchFrames(program: ViewProgram, inputs: Float64Array): void {
  const writer = new FrameWriter(program);
  const frames: Uint8Array[] = [];
  const count = 400_000;
  const header = { sourcePartition: 0, firstOffset: 0, lastOffset: count, newestKnownTime: START_MS };
  const write = () => {
    for (let i = 0; i < count; i++) {
      writer.add(
        `card-${i % KEYS}`,
        i,
        START_MS + i,
        START_MS + i,
        inputs,
        (i % DISTINCT_EVENTS) * program.inputCount,
      );
      if (writer.count < FRAME_EVENTS) continue;
      frames.push(writer.finish(header));
      writer.reset();
    }
  };
  report('write frames', count, 'events', seconds(write));
  const keyIds = new TextIds();
  report(
    'read frames',
    count,
    'events',
    seconds(() => frames.forEach((one) => readFrame(program, one, keyIds, () => undefined))),
  );
}

function benchTrainingSet(what: string, view: typeof activity | typeof dense, keyCount: number): void {
  const program = compileView(view);
  const prepared = preparedEvents(program);
  const random = createRandom();
  const knownTime = Float64Array.from(
    { length: TRAINING_ROWS },
    (_, i) => START_MS + Math.floor((i / TRAINING_ROWS) * YEAR_MS),
  );
  const inputs = new Float64Array(TRAINING_ROWS * program.inputCount);
  for (let i = 0; i < inputs.length; i++) inputs[i] = prepared[i % prepared.length]!;
  const anyKey = (): number => Math.floor(random() * keyCount);
  const events = {
    rows: TRAINING_ROWS,
    keyIds: Float64Array.from({ length: TRAINING_ROWS }, anyKey),
    effectiveTime: knownTime.map((time) => time - Math.floor(random() * 600_000)),
    knownTime,
    sequence: Float64Array.from({ length: TRAINING_ROWS }, (_, i) => i),
    fields: [],
  };
  const keyIds = Int32Array.from({ length: TRAINING_ROWS }, anyKey);
  const asOf = knownTime.map((time) => time + Math.floor(random() * 1_000_000));
  const out = new Float64Array(TRAINING_ROWS * program.featureNames.length);
  report(
    what,
    TRAINING_ROWS,
    'rows',
    seconds(() => {
      const fold = new KeyedAsOfFold(program, groupSpine(keyIds, asOf, keyCount), out, new Uint8Array(TRAINING_ROWS));
      let before = -1;
      for (const i of orderByKey(events, keyCount, 'known')) {
        const key = events.keyIds[i]!;
        if (key !== before && before >= 0) fold.finish(before);
        before = key;
        fold.add(key, events.effectiveTime[i]!, knownTime[i]!, inputs, i * program.inputCount);
      }
      fold.finishAll(keyIds);
    }),
  );
}

function main(): void {
  console.log(runHeading('npx tsx bench/fold/fold-core.ts'));
  benchUpdates();
  benchTrainingSet('training set, 3 keys, 5 windows', dense, 3);
  benchTrainingSet('training set, 4,000 keys, 10 features', activity, 4_000);
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) main();
