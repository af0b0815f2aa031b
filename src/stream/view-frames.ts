import { partitionOf } from '../fold/partition-of.ts';
import { FrameWriter } from '../fold/event-frame.ts';
import { prepareEvent, viewKeyOf, type ViewProgram } from '../fold/compile-view.ts';
import type { OutgoingMessage } from '../infra/kafka-producer.ts';
import { traceHeaders, type TraceContext } from '../infra/trace-context.ts';
import type { LoggedEvent } from '../store/offline-log.ts';
import { APPEND_TIME_HEADER } from './fold-member.ts';

export interface BatchBounds {
  readonly sourcePartition: number;
  readonly firstOffset: number;
  readonly lastOffset: number;
  /** Ms since the epoch. */
  readonly newestKnownTime: number;
  /** Append time of the batch's oldest message. */
  readonly appendTime: number;
  /** Named in the headers of frames that hold events; absent where nothing of the batch is recorded. */
  readonly cause?: TraceContext | undefined;
}

/** Bytes at which a frame ends and the next one begins; its topic takes twice that and more, so one event more fits. */
export const FRAME_BYTES_MAX = 4 * 1_048_576;

/** What frames of a program are made in, again and again. */
interface FrameRoom {
  readonly inputs: Float64Array;
  /** By partition. */
  readonly writers: readonly FrameWriter[];
}

const rooms = new WeakMap<ViewProgram, FrameRoom>();

function roomOf(program: ViewProgram): FrameRoom {
  let room = rooms.get(program);
  if (room === undefined) {
    const writers = Array.from({ length: program.partitions }, () => new FrameWriter(program));
    rooms.set(program, (room = { inputs: new Float64Array(program.inputCount), writers }));
  }
  // A batch that failed on its way left something.
  for (const writer of room.writers) writer.reset();
  return room;
}

/**
 * The frames of one ingest batch: one for every partition of each view, empty ones too, so that each
 * view partition knows how far it has seen the source partition; more where one would be too long.
 */
export function writeFrames(
  programs: readonly ViewProgram[],
  topicOf: (program: ViewProgram) => string,
  events: readonly LoggedEvent[],
  bounds: BatchBounds,
  frameBytesMax = FRAME_BYTES_MAX,
): OutgoingMessage[] {
  const { cause } = bounds;
  const plain = { [APPEND_TIME_HEADER]: String(bounds.appendTime) };
  const traced = cause === undefined ? plain : { ...plain, ...traceHeaders(cause) };
  return programs.flatMap((program) => {
    const topic = topicOf(program);
    const { inputs, writers } = roomOf(program);
    const nextOffsets = writers.map(() => bounds.firstOffset);
    const messages: OutgoingMessage[] = [];
    const finish = (partition: number, lastOffset: number): void => {
      const writer = writers[partition]!;
      const { buffer, byteOffset, byteLength } = writer.finish({ ...bounds, firstOffset: nextOffsets[partition]!, lastOffset });
      const headers = writer.count === 0 ? plain : traced;
      messages.push({ topic, partition, value: Buffer.from(buffer, byteOffset, byteLength), headers });
      nextOffsets[partition] = lastOffset + 1;
      writer.reset();
    };
    for (const event of events) {
      const key = viewKeyOf(program, event.row);
      if (key === null) continue;
      prepareEvent(program, event.row, inputs, 0);
      const partition = partitionOf(key, program.partitions);
      const writer = writers[partition]!;
      // Never between the two rows of a change, which have one offset.
      if (writer.byteLength >= frameBytesMax && event.sourceOffset > writer.lastOffset) finish(partition, writer.lastOffset);
      writer.add(key, event.sourceOffset, event.effectiveTime, event.knownTime, inputs, 0);
    }
    for (let partition = 0; partition < program.partitions; partition++) finish(partition, bounds.lastOffset);
    return messages;
  });
}
