import { createHash } from 'node:crypto';
import { readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cachedArtifact } from './cached-artifact.ts';
import { environmentValue } from './environment.ts';
import { findJava, type Java } from './find-java.ts';
import { findProgram } from './find-program.ts';
import { firstWay, type FinderContext } from './finder.ts';
import { runTool } from './run-tool.ts';

const KAFKA_VERSION = '4.4.0';
const SCALA_VERSION = '2.13';
const LOG4J_VERSION = '2.25.5';
const DEPENDENCY_PLUGIN_VERSION = '3.8.1';
/** The oldest Kafka whose KRaft mode takes our settings. */
const KAFKA_MAJOR_MIN = 4;
const FETCH_LIMIT_MS = 10 * 60_000;

export interface KafkaProgram {
  readonly java: Java;
  /** The folder of its jars. */
  readonly libs: string;
  /** Short digest of Java and jars, which a class-data archive must fit. */
  readonly fingerprint: string;
}

/** Kafka's jars and a Java runtime for them. */
export async function findKafka(context: FinderContext): Promise<KafkaProgram | undefined> {
  const java = await findJava(context);
  if (java === undefined) return undefined;
  const libs = await firstWay(context, {
    "KAFKA_HOME or program 'kafka-server-start.sh'": fromMachine,
    Maven: fromMaven,
  });
  if (libs === undefined) return undefined;
  const text = [java.program, java.version, libs].join('\n');
  const fingerprint = createHash('sha256').update(text).digest('hex').slice(0, 12);
  return { java, libs, fingerprint };
}

async function fromMachine(context: FinderContext): Promise<string | undefined> {
  const script = await findProgram('kafka-server-start.sh', context.environment);
  const home =
    environmentValue(context.environment, 'KAFKA_HOME') ??
    (script === undefined ? undefined : dirname(dirname(script)));
  if (home === undefined) return undefined;
  const libs = join(home, 'libs');
  const jar = (await readdir(libs)).find((name) => /^kafka_[\d.]+-\d+\.\d+\.\d+\.jar$/.test(name));
  const version = /-(\d+)\.[\d.]+\.jar$/.exec(jar ?? '')?.[1];
  if (version === undefined || Number(version) < KAFKA_MAJOR_MIN) {
    throw new Error(`'${libs}' holds ${jar ?? 'no Kafka'}, expected at least version ${KAFKA_MAJOR_MIN}`);
  }
  return libs;
}

async function fromMaven(context: FinderContext): Promise<string | undefined> {
  const folder = await cachedArtifact(context, `kafka-${KAFKA_VERSION}`, async (draft) => {
    const maven = await findProgram('mvn', context.environment);
    if (maven === undefined) throw new Error("no program 'mvn' to fetch it with");
    context.report(`fetching Kafka ${KAFKA_VERSION} (about 43 MB)`);
    const pom = join(draft, 'pom.xml');
    await writeFile(pom, pomText);
    await runTool({
      program: maven,
      args: [
        ...['--batch-mode', '--quiet', '--file', pom],
        `org.apache.maven.plugins:maven-dependency-plugin:${DEPENDENCY_PLUGIN_VERSION}:copy-dependencies`,
        ...['-DincludeScope=runtime', `-DoutputDirectory=${join(draft, 'libs')}`],
      ],
      environment: context.environment,
      signal: context.signal,
      timeoutMs: FETCH_LIMIT_MS,
    });
    await rm(pom);
  });
  return join(folder, 'libs');
}

const pomText = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>millrace</groupId>
  <artifactId>kafka-server</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_${SCALA_VERSION}</artifactId>
      <version>${KAFKA_VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>${LOG4J_VERSION}</version>
    </dependency>
  </dependencies>
</project>
`;
