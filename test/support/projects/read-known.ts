import { prepareEvent, viewKeyOf, type ViewProgram } from '../../../src/fold/compile-view.ts';
import { foldAsOf } from '../../../src/fold/point-in-time.ts';
import type { LoggedEvent } from '../../../src/store/offline-log.ts';
import { StreamedAsOf } from '../fold/streamed-as-of.ts';
import type { KnownRead } from './project-case.ts';

const KEY_SEPARATOR = '\u001f';

/** What was known at each moment, by both folds of history: over columns in any order, and over events that stream by. */
export function readKnown(
  program: ViewProgram,
  events: readonly LoggedEvent[],
  reads: readonly KnownRead[],
): { form: string; values: Float64Array[] }[] {
  const width = program.featureNames.length;
  const spine = {
    keys: reads.map(({ key }) => key.join(KEY_SEPARATOR)),
    asOf: Float64Array.from(reads, ({ asOf }) => asOf),
  };
  const rowsOf = (out: Float64Array): Float64Array[] =>
    reads.map((_, row) => out.subarray(row * width, (row + 1) * width));
  return [
    { form: 'point in time', values: rowsOf(inColumns(program, events, spine)) },
    { form: 'as of', values: rowsOf(asTheyStream(program, events, spine)) },
  ];
}

interface Spine {
  readonly keys: readonly string[];
  readonly asOf: Float64Array;
}

function inColumns(program: ViewProgram, events: readonly LoggedEvent[], spine: Spine): Float64Array {
  const inputs = new Float64Array(events.length * program.inputCount);
  events.forEach((event, i) => prepareEvent(program, event.row, inputs, i * program.inputCount));
  const columns = {
    keys: events.map((event) => viewKeyOf(program, event.row)),
    effectiveTime: Float64Array.from(events, (event) => event.effectiveTime),
    knownTime: Float64Array.from(events, (event) => event.knownTime),
    inputs,
  };
  const out = new Float64Array(spine.keys.length * program.featureNames.length);
  foldAsOf(program, columns, spine, out);
  return out;
}

function asTheyStream(program: ViewProgram, events: readonly LoggedEvent[], spine: Spine): Float64Array {
  const out = new Float64Array(spine.keys.length * program.featureNames.length);
  const fold = new StreamedAsOf(program, spine, out, new Uint8Array(spine.keys.length));
  const inputs = new Float64Array(program.inputCount);
  for (const event of events.toSorted((a, b) => a.knownTime - b.knownTime)) {
    prepareEvent(program, event.row, inputs, 0);
    fold.add(viewKeyOf(program, event.row), event.effectiveTime, event.knownTime, inputs, 0);
  }
  fold.finish();
  return out;
}
