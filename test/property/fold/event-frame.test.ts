import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMillraceError } from '../../../src/core/millrace-error.ts';
import { prepareEvent, type ViewProgram } from '../../../src/fold/compile-view.ts';
import { FrameWriter, readFrame } from '../../../src/fold/event-frame.ts';
import { TextIds } from '../../../src/fold/text-ids.ts';
import { anyHistory as history, type History, type LoggedEvent } from './history-arbitrary.ts';

function writeFrame(program: ViewProgram, writer: FrameWriter, events: readonly LoggedEvent[]): Uint8Array {
  writer.reset();
  const inputs = new Float64Array(program.inputCount);
  events.forEach((one, i) => {
    prepareEvent(program, one.row, inputs, 0);
    writer.add(one.key, i * 3, one.effectiveTime, one.knownTime, inputs, 0);
  });
  return writer.finish({
    sourcePartition: 2,
    firstOffset: 0,
    lastOffset: events.length * 3,
    newestKnownTime: 99,
  });
}

/** Of all frames, as a reader has them. */
const keys = new TextIds();

/** Any code units, also halves of pairs. */
const utf16 = fc.array(fc.nat({ max: 0xffff })).map((units) => String.fromCharCode(...units));

describe('an event frame', () => {
  it('carries every event unchanged, also from a writer that is used again', () => {
    fc.assert(
      fc.property(history, ({ program, events }) => {
        const writer = new FrameWriter(program);
        writeFrame(program, writer, events.slice(0, 3));
        const bytes = writeFrame(program, writer, events);
        const seen: unknown[] = [];
        const header = readFrame(program, bytes, keys, (key, offset, effectiveTime, knownTime, inputs, at) => {
          seen.push([keys.textOf(key), offset, effectiveTime, knownTime, ...inputs.subarray(at, at + program.inputCount)]);
        });
        expect(header).toEqual({
          sourcePartition: 2,
          firstOffset: 0,
          lastOffset: events.length * 3,
          newestKnownTime: 99,
          count: events.length,
        });
        const expected = events.map((one, i) => {
          const inputs = new Float64Array(program.inputCount);
          prepareEvent(program, one.row, inputs, 0);
          return [one.key, i * 3, one.effectiveTime, one.knownTime, ...inputs];
        });
        expect(seen).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it('carries the times that it takes, however far they lie, and takes no others', () => {
    const limits = [0, -210_863_520_000_000, 2 ** 52 - 1, 2 ** 52, 8.64e15].flatMap((ms) => [ms, -ms]);
    const time = fc.tuple(fc.constantFrom(...limits), fc.integer({ min: -3, max: 3 })).map(([ms, more]) => ms + more);
    fc.assert(
      fc.property(history, fc.array(fc.tuple(time, time), { minLength: 1, maxLength: 3 }), ({ program }, times) => {
        const writer = new FrameWriter(program);
        const written: (readonly [number, number])[] = [];
        times.forEach(([effective, known], i) => {
          try {
            writer.add('key', i, effective, known, new Float64Array(program.inputCount), 0);
            written.push([effective, known]);
          } catch {
            expect(effective <= known && times.flat().every((ms) => Math.abs(ms) < 2 ** 51)).toBe(false);
          }
        });
        const bytes = writer.finish({ sourcePartition: 0, firstOffset: 0, lastOffset: times.length, newestKnownTime: 0 });
        const seen: (readonly [number, number])[] = [];
        readFrame(program, bytes, keys, (_key, _offset, effective, known) => seen.push([effective, known]));
        expect(seen).toEqual(written);
      }),
    );
  });

  it('answers damaged bytes with STREAM_FRAME_CORRUPT or with events', () => {
    fc.assert(
      fc.property(
        history,
        fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }),
        fc.nat(),
        ({ program, events }, changes, cut) => {
          const bytes = writeFrame(program, new FrameWriter(program), events);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          try {
            readFrame(program, bytes.subarray(0, cut % (bytes.length + 1)), keys, () => undefined);
          } catch (error) {
            expect(isMillraceError(error) && error.code).toBe('STREAM_FRAME_CORRUPT');
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  it('carries any text as an entity key', () => {
    const [{ program, events }] = fc.sample(
      history.filter((drawn) => drawn.events.length > 0),
      { numRuns: 1, seed: 1 },
    ) as [History];
    fc.assert(
      fc.property(utf16, (key) => {
        const bytes = writeFrame(program, new FrameWriter(program), [{ ...events[0]!, key }]);
        readFrame(program, bytes, keys, (found) => expect(keys.textOf(found)).toBe(key));
      }),
    );
  });
});
