import { MillraceError } from '../../src/core/millrace-error.ts';
import type { KafkaClient } from '../../src/infra/kafka.ts';
import { traceHeaders, type TraceContext } from '../../src/infra/trace-context.ts';

export interface EncodedDecision {
  readonly id: string;
  readonly json: string;
  /** The request's place in its trace, where it is recorded. */
  readonly cause?: TraceContext | undefined;
}

/** Where decisions go. `send` resolves when all of them are durable. */
export interface DecisionSender {
  send(decisions: readonly EncodedDecision[]): Promise<void>;
  close(): Promise<void>;
}

/** Sends decisions to the decision topic, acknowledged by all in-sync replicas. */
export async function openDecisionSender(kafka: KafkaClient, topic: string): Promise<DecisionSender> {
  const partitions = (await kafka.topicPartitions([topic])).get(topic);
  if (partitions === undefined) {
    throw new MillraceError('STREAM_UNAVAILABLE', `Topic '${topic}' does not exist. Run 'millrace apply' first.`);
  }
  const producer = await kafka.createProducer();
  let next = 0;
  return {
    async send(decisions) {
      // A batch goes to one partition: fewer requests, and positions stay in the order of serving.
      const partition = next++ % partitions;
      await producer.send(
        decisions.map(({ id, json, cause }) => {
          const message = { topic, partition, key: id, value: json };
          return cause === undefined ? message : { ...message, headers: { ...traceHeaders(cause) } };
        }),
      );
    },
    close: () => producer.close(),
  };
}
