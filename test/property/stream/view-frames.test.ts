import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readFrame } from '../../../src/fold/event-frame.ts';
import { TextIds } from '../../../src/fold/text-ids.ts';
import { writeFrames } from '../../../src/stream/view-frames.ts';
import { anyHistory } from '../fold/history-arbitrary.ts';

it('frames that are cut for their length cover the batch without a gap and carry what one frame would', () => {
  fc.assert(
    fc.property(anyHistory, fc.integer({ min: 1, max: 200 }), fc.boolean(), ({ program, events }, frameBytesMax, inPairs) => {
      // Two rows of a change have one offset.
      const logged = events.map((event, i) => ({ ...event, sourcePartition: 1, sourceOffset: 10 + (inPairs ? i >> 1 : i) * 3 }));
      const pairedProgram = inPairs ? { ...program, signInput: 0 } : program;
      const bounds = { sourcePartition: 1, firstOffset: 10, lastOffset: 10 + logged.length * 3, newestKnownTime: 9, appendTime: 0 };
      const keys = new TextIds();
      const read = (max?: number) => {
        const frames = writeFrames([pairedProgram], () => 'view', logged as never, bounds, max);
        const seen = new Map<number, unknown[]>();
        const covered = new Map<number, number>();
        for (const { partition, value } of frames) {
          const events: unknown[] = seen.get(partition) ?? [];
          seen.set(partition, events);
          const header = readFrame(pairedProgram, value as Buffer, keys, (key, offset, effectiveTime, knownTime, inputs, at) => {
            events.push([keys.textOf(key), offset, effectiveTime, knownTime, ...inputs.subarray(at, at + program.inputCount)]);
          });
          expect(header.firstOffset).toBe(covered.get(partition) ?? bounds.firstOffset);
          expect(header.newestKnownTime).toBe(bounds.newestKnownTime);
          covered.set(partition, header.lastOffset + 1);
        }
        expect([...covered.values()]).toEqual(Array.from({ length: program.partitions }, () => bounds.lastOffset + 1));
        return { seen: [...seen].sort(([a], [b]) => a - b), count: frames.length };
      };
      const [cut, whole] = [read(frameBytesMax), read()];
      expect(cut.seen).toEqual(whole.seen);
      expect(whole.count).toBe(program.partitions);
    }),
  );
});
