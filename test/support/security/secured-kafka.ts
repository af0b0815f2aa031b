import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { processEnvironment } from '../../../src/infra/process-environment.ts';
import { findKafka } from '../../../stack/find-kafka.ts';
import { choosePort } from '../../../stack/free-port.ts';
import { ensureKafkaClassArchive } from '../../../stack/kafka-class-archive.ts';
import { kafkaLogConfig, kafkaProperties } from '../../../stack/kafka-config.ts';
import { launchServer } from '../../../stack/launch-server.ts';
import { probeServer } from '../../../stack/probe-server.ts';
import type { StarterContext } from '../../../stack/server-starter.ts';
import { runTool } from '../../../stack/run-tool.ts';
import { defaultCacheDir } from '../../../stack/start-stack.ts';
import type { CertificateAuthority } from './certificate-authority.ts';

export interface SecuredKafka {
  /** Asks for a user by SASL, over TLS. */
  readonly users: string;
  /** Asks for a certificate. */
  readonly mutual: string;
  stop(): void;
}

export const USER = 'millrace';
const READY_LIMIT_MS = 60_000;
const FORMAT_LIMIT_MS = 60_000;
/** As the one of `millrace up` has them, whose class archive it shares. */
const JVM = ['-XX:TieredStopAtLevel=1', '-Djava.awt.headless=true'];
const HEAP = ['-Xms128m', '-Xmx384m'];

/** A broker as companies have one; undefined where this machine has no Kafka. */
export async function startSecuredKafka(directory: string, authority: CertificateAuthority, password: string): Promise<SecuredKafka | undefined> {
  const environment = processEnvironment();
  const { signal } = new AbortController();
  const finding: StarterContext = {
    cacheDir: defaultCacheDir(environment),
    dataDir: directory,
    environment,
    signal,
    rememberedPorts: {},
    report: () => undefined,
    noteFailure: () => undefined,
    onSpawn: async () => undefined,
  };
  const kafka = await findKafka(finding);
  if (kafka === undefined) return undefined;
  const port = (): Promise<number> => choosePort({ variable: '' }, {});
  const [plain, users, mutual, controller] = [await port(), await port(), await port(), await port()];
  const places = { host: '127.0.0.1', main: plain, controller, logFolder: path.join(directory, 'log') };
  const [properties, logConfig, keystore] = ['server.properties', 'log4j2.properties', 'keystore.pem'].map((name) => path.join(directory, name)) as [string, string, string];
  await mkdir(directory, { recursive: true });
  const { certificate, key } = authority.issue('broker');
  await writeFile(keystore, readFileSync(key, 'utf8') + readFileSync(certificate, 'utf8'));
  await writeFile(properties, kafkaProperties(places) + securedProperties({ plain, users, mutual, controller }, keystore, authority.ca, password));
  await writeFile(logConfig, kafkaLogConfig);
  const archive = await ensureKafkaClassArchive(kafka, JVM, finding);
  const java = [...(archive === undefined ? [] : [`-XX:SharedArchiveFile=${archive}`]), ...JVM, '-cp', path.join(kafka.libs, '*')];
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${USER},password=${password}]`]);
  const format = ['kafka.tools.StorageTool', 'format', '--cluster-id', 'AAAAAAAAAAAAAAAAAAAAAQ', '--config', properties, ...scram];
  await runTool({ program: kafka.java.program, args: [...java, ...format], environment, signal, timeoutMs: FORMAT_LIMIT_MS });
  const { pid } = await launchServer({
    server: 'kafka',
    program: kafka.java.program,
    args: [...HEAP, `-Dlog4j2.configurationFile=${logConfig}`, ...java, 'kafka.Kafka', properties],
    cwd: directory,
    environment,
    logFile: path.join(directory, 'kafka.log'),
    isReady: () => probeServer('kafka', `127.0.0.1:${plain}`),
    readyLimitMs: READY_LIMIT_MS,
    signal,
    onSpawn: () => undefined,
  });
  return { users: `127.0.0.1:${users}`, mutual: `127.0.0.1:${mutual}`, stop: () => process.kill(pid, 'SIGKILL') };
}

interface Ports {
  readonly plain: number;
  readonly users: number;
  readonly mutual: number;
  readonly controller: number;
}

/** Of two lines with one name the last counts. */
function securedProperties({ plain, users, mutual, controller }: Ports, keystore: string, ca: string, password: string): string {
  const clients = `PLAINTEXT://127.0.0.1:${plain},USERS://127.0.0.1:${users},MUTUAL://127.0.0.1:${mutual}`;
  const settings: Readonly<Record<string, string>> = {
    listeners: `${clients},CONTROLLER://127.0.0.1:${controller}`,
    'advertised.listeners': clients,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,USERS:SASL_SSL,MUTUAL:SSL',
    'ssl.keystore.type': 'PEM',
    'ssl.keystore.location': keystore,
    'ssl.truststore.type': 'PEM',
    'ssl.truststore.location': ca,
    'listener.name.mutual.ssl.client.auth': 'required',
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    'listener.name.users.plain.sasl.jaas.config': `org.apache.kafka.common.security.plain.PlainLoginModule required user_${USER}="${password}";`,
    'listener.name.users.scram-sha-256.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
    'listener.name.users.scram-sha-512.sasl.jaas.config': 'org.apache.kafka.common.security.scram.ScramLoginModule required;',
  };
  return `${Object.entries(settings).map(([name, value]) => `${name}=${value}`).join('\n')}\n`;
}
