import type { Names } from '../contracts/names.ts';
import type { Project } from '../define/project.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import type { TopicSpec } from '../infra/kafka.ts';

/** Twice what a frame is cut at. */
const VIEW_MESSAGE_BYTES_MAX = 8 * 1_048_576;
const DECISION_PARTITIONS = 4;
const FOREVER_MS = '-1';
const DAY_MS = 86_400_000;
/** Frames and dead letters can be made again from the offline log and the source topics. */
const DERIVED_RETENTION_MS = String(7 * DAY_MS);

/**
 * Topics of a project. A carried known time may be years old, so no topic keeps messages by the time in
 * them: the broker's append time counts.
 */
export function projectTopics(project: Project, programs: readonly ViewProgram[], names: Names): TopicSpec[] {
  const appendTime = { 'message.timestamp.type': 'LogAppendTime' };
  return [
    ...project.sources.map((source) => ({
      topic: names.sourceTopic(source.name),
      partitions: source.partitions,
      config: { ...appendTime, 'retention.ms': FOREVER_MS },
    })),
    ...project.sources.map((source) => ({
      topic: names.deadLetterTopic(source.name),
      partitions: source.partitions,
      config: { ...appendTime, 'retention.ms': DERIVED_RETENTION_MS },
    })),
    ...programs.map((program) => ({
      topic: names.viewTopic(program.name, program.version),
      partitions: program.partitions,
      config: {
        ...appendTime,
        'retention.ms': DERIVED_RETENTION_MS,
        'max.message.bytes': String(VIEW_MESSAGE_BYTES_MAX),
      },
    })),
    {
      topic: names.decisionTopic(),
      partitions: DECISION_PARTITIONS,
      config: { ...appendTime, 'retention.ms': DERIVED_RETENTION_MS },
    },
  ];
}
