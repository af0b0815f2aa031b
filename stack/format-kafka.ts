import { join } from 'node:path';
import type { KafkaProgram } from './find-kafka.ts';
import type { FinderContext } from './finder.ts';
import { runTool } from './run-tool.ts';

const FORMAT_LIMIT_MS = 60_000;
/** 16 bytes, as Kafka wants them; each data directory is a cluster of its own, so one id serves all. */
const CLUSTER_ID = Buffer.from('millrace-cluster').toString('base64url');

/** Kafka's own preparation of an empty log directory. */
export async function formatKafka(
  kafka: KafkaProgram,
  properties: string,
  context: FinderContext,
): Promise<void> {
  await runTool({
    program: kafka.java.program,
    args: [
      ...['-XX:TieredStopAtLevel=1', '-cp', join(kafka.libs, '*'), 'kafka.tools.StorageTool', 'format'],
      ...['--ignore-formatted', '--cluster-id', CLUSTER_ID, '--config', properties],
    ],
    environment: context.environment,
    signal: context.signal,
    timeoutMs: FORMAT_LIMIT_MS,
  });
}
