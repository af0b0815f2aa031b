import { partitionOf } from '../fold/partition-of.ts';
import { FrameWriter } from '../fold/event-frame.ts';
import { prepareEvent, viewKeyOf, type ViewProgram } from '../fold/compile-view.ts';
import type { OutgoingMessage } from '../infra/kafka-producer.ts';
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
}

/**
 * The frames of one ingest batch: one for every partition of each view, empty ones too, so that each
 * view partition knows how far it has seen the source partition.
 */
export function writeFrames(
  programs: readonly ViewProgram[],
  topicOf: (program: ViewProgram) => string,
  events: readonly LoggedEvent[],
  bounds: BatchBounds,
): OutgoingMessage[] {
  const headers = { [APPEND_TIME_HEADER]: String(bounds.appendTime) };
  return programs.flatMap((program) => {
    const topic = topicOf(program);
    const inputs = new Float64Array(program.inputCount);
    const writers = Array.from({ length: program.partitions }, () => new FrameWriter(program));
    for (const event of events) {
      const key = viewKeyOf(program, event.row);
      if (key === null) continue;
      prepareEvent(program, event.row, inputs, 0);
      const writer = writers[partitionOf(key, program.partitions)] as FrameWriter;
      writer.add(key, event.sourceOffset, event.effectiveTime, event.knownTime, inputs, 0);
    }
    return writers.map((writer, partition) => {
      const frame = writer.finish(bounds);
      return {
        topic,
        partition,
        value: Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength),
        headers,
      };
    });
  });
}
