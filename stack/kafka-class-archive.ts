import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cachedArtifact } from './cached-artifact.ts';
import { endProcess } from './end-process.ts';
import { messageOf } from '../src/core/millrace-error.ts';
import type { KafkaProgram } from './find-kafka.ts';
import { formatKafka } from './format-kafka.ts';
import { choosePort, LOOPBACK } from './free-port.ts';
import { kafkaLogConfig, kafkaProperties } from './kafka-config.ts';
import { launchServer } from './launch-server.ts';
import { probeServer } from './probe-server.ts';
import type { StarterContext } from './server-starter.ts';

const READY_LIMIT_MS = 90_000;
/** Java writes the archive when it ends. */
const WRITE_LIMIT_MS = 60_000;

/**
 * A memory image of Kafka's loaded classes, made once by a trial run: later starts take a second instead of four.
 * @returns its path; undefined where it could not be made, which only costs time
 */
export async function ensureKafkaClassArchive(
  kafka: KafkaProgram,
  jvmFlags: readonly string[],
  context: StarterContext,
): Promise<string | undefined> {
  try {
    const folder = await cachedArtifact(context, `kafka-classes-${kafka.fingerprint}`, async (draft) => {
      context.report('first start: writing the class archive');
      await trialRun(kafka, jvmFlags, draft, context);
    });
    return join(folder, ARCHIVE_NAME);
  } catch (error) {
    context.signal.throwIfAborted();
    context.noteFailure('class-data archive of Kafka', messageOf(error));
    return undefined;
  }
}

const ARCHIVE_NAME = 'kafka.jsa';

async function trialRun(
  kafka: KafkaProgram,
  jvmFlags: readonly string[],
  draft: string,
  context: StarterContext,
): Promise<void> {
  const scratch = join(draft, 'scratch');
  await mkdir(scratch);
  const main = await choosePort({ variable: '' }, {});
  const controller = await choosePort({ variable: '' }, {});
  const properties = join(scratch, 'server.properties');
  const logConfig = join(scratch, 'log4j2.properties');
  const logFolder = join(scratch, 'log');
  await writeFile(properties, kafkaProperties({ host: LOOPBACK, main, controller, logFolder }));
  await writeFile(logConfig, kafkaLogConfig);
  await formatKafka(kafka, properties, context);
  const owned = await launchServer({
    server: 'kafka',
    program: kafka.java.program,
    args: [
      `-XX:ArchiveClassesAtExit=${join(draft, ARCHIVE_NAME)}`,
      ...jvmFlags,
      `-Dlog4j2.configurationFile=${logConfig}`,
      ...['-cp', join(kafka.libs, '*'), 'kafka.Kafka', properties],
    ],
    cwd: scratch,
    environment: context.environment,
    logFile: join(scratch, 'trial.log'),
    isReady: () => probeServer('kafka', `${LOOPBACK}:${main}`),
    readyLimitMs: READY_LIMIT_MS,
    signal: context.signal,
    onSpawn: () => undefined,
  });
  await endProcess(owned, 'SIGTERM', WRITE_LIMIT_MS);
  await rm(scratch, { recursive: true });
}
