import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findKafka, type KafkaProgram } from './find-kafka.ts';
import { formatKafka } from './format-kafka.ts';
import { choosePort, LOOPBACK } from './free-port.ts';
import { kafkaLogConfig, kafkaProperties } from './kafka-config.ts';
import { ensureKafkaClassArchive } from './kafka-class-archive.ts';
import { serverFolder, startPlanned, type ServerStarter, type StarterContext } from './server-starter.ts';

const READY_LIMIT_MS = 90_000;
const HEAP = ['-Xms256m', '-Xmx512m'];
/** The first compiler only: a broker on two cores is there in a second, and what it does most is copy bytes. */
const JVM = ['-XX:TieredStopAtLevel=1', '-Djava.awt.headless=true'];

/** One KRaft node that is broker and controller. */
export const startKafka: ServerStarter = async (context) => {
  const kafka = await findKafka(context);
  if (kafka === undefined) return undefined;
  const archive = await ensureKafkaClassArchive(kafka, JVM, context);
  const { environment, rememberedPorts: remembered } = context;
  const main = await choosePort(
    { variable: 'MILLRACE_KAFKA_PORT', remembered: remembered['main'] },
    environment,
  );
  const controller = await choosePort(
    { variable: 'MILLRACE_KAFKA_CONTROLLER_PORT', remembered: remembered['controller'] },
    environment,
  );
  const folder = serverFolder(context, 'kafka');
  await mkdir(folder, { recursive: true });
  const properties = join(folder, 'server.properties');
  const logConfig = join(folder, 'log4j2.properties');
  await writeFile(
    properties,
    kafkaProperties({ host: LOOPBACK, main, controller, logFolder: join(folder, 'log') }),
  );
  await writeFile(logConfig, kafkaLogConfig);
  await formatOnce(kafka, folder, properties, context);
  context.report('waiting until it answers', 'starting');
  return await startPlanned(
    {
      server: 'kafka',
      program: kafka.java.program,
      args: [
        ...(archive === undefined ? [] : [`-XX:SharedArchiveFile=${archive}`]),
        ...HEAP,
        ...JVM,
        `-Dlog4j2.configurationFile=${logConfig}`,
        ...['-cp', join(kafka.libs, '*'), 'kafka.Kafka', properties],
      ],
      cwd: folder,
      address: `${LOOPBACK}:${main}`,
      ports: { main, controller },
      readyLimitMs: READY_LIMIT_MS,
    },
    context,
  );
};

async function formatOnce(
  kafka: KafkaProgram,
  folder: string,
  properties: string,
  context: StarterContext,
): Promise<void> {
  if (existsSync(join(folder, 'log', 'meta.properties'))) return;
  context.report('formatting its log directory', 'starting');
  await formatKafka(kafka, properties, context);
}
