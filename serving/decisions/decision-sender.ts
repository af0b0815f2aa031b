import { MillraceError } from '../../src/core/millrace-error.ts';
import type { KafkaClient } from '../../src/infra/kafka.ts';
import type { OutgoingMessage } from '../../src/infra/outgoing-message.ts';
import { traceHeaders, type TraceContext } from '../../src/infra/trace-context.ts';
import { writeDecisionFrame, type EncodedDecision } from '../../src/store/decision-frame.ts';

interface SentDecision extends EncodedDecision {
  readonly cause?: TraceContext | undefined;
}

/** Where decisions go. `send` resolves when all of them are durable. */
export interface DecisionSender {
  send(decisions: readonly SentDecision[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Sends decisions to the decision topic, acknowledged by all in-sync replicas: in one message, but each whose request is recorded in one of its
 * own, for a message is of one trace.
 */
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
      const plain = decisions.filter(({ cause }) => cause === undefined);
      const messages: OutgoingMessage[] = plain.length === 0 ? [] : [{ topic, partition, value: frameOf(plain) }];
      for (const decision of decisions) {
        if (decision.cause === undefined) continue;
        messages.push({ topic, partition, value: frameOf([decision]), headers: { ...traceHeaders(decision.cause) } });
      }
      await producer.send(messages);
    },
    close: () => producer.close(),
  };
}

function frameOf(decisions: readonly SentDecision[]): Buffer {
  const { buffer, byteOffset, byteLength } = writeDecisionFrame(decisions);
  return Buffer.from(buffer, byteOffset, byteLength);
}
