import { accessSync, constants } from 'node:fs';
import { z } from 'zod';
import type { KafkaServers } from './kafka.ts';
import { checkSecurity, securityNames, securityOf, securityShape, type ServerSecurity } from './server-security.ts';
import { readSettings, type Environment } from './settings.ts';
import type { TemporalServer } from './temporal.ts';

const address = z.string().regex(/^[^\s:/]+:\d+$/, "expected 'host:port'");

const redisNode = z.url({ protocol: /^rediss?$/ });
const isRedisUrl = (text: string): boolean => redisNode.safeParse(text.trim()).success;

/** The driver reads them only when it connects. */
const filesAreThere = (url: string): boolean =>
  ['sslrootcert', 'sslcert', 'sslkey'].every((name) => {
    const file = URL.canParse(url) ? new URL(url).searchParams.get(name) : null;
    return file === null || canRead(file);
  });

function canRead(file: string): boolean {
  try {
    accessSync(file, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}

const schema = z.object({
  namespace: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,40}$/, 'expected lower-case letters, digits and hyphens')
    .default('millrace'),
  dataDir: z.string().min(1).default('.millrace'),
  project: z.string().min(1, 'expected the path of the project file'),
  logLevel: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  temporalAddress: address.default('127.0.0.1:7233'),
  temporalNamespace: z.string().min(1).default('millrace'),
  kafkaBrokers: z
    .string()
    .default('127.0.0.1:9092')
    .transform((text) => text.split(',').map((broker) => broker.trim()))
    .pipe(z.array(address).min(1)),
  postgresUrl: z
    .url({ protocol: /^postgres(ql)?$/ })
    .refine(filesAreThere, 'expected sslrootcert, sslcert and sslkey to name files that can be read')
    .default('postgresql://127.0.0.1:5432/millrace'),
  redisUrl: z
    .string()
    .refine((text) => text.split(',').every(isRedisUrl), "expected 'redis://host:port', or nodes of a cluster with commas between")
    .default('redis://127.0.0.1:6379'),
});

const securedSchema = schema.extend(securityShape).superRefine(checkSecurity, { when: () => true });

/** Settings that every process of Millrace takes; docs/configuration.md lists them. */
export type BaseConfig = Readonly<z.output<typeof schema>> & { readonly security: ServerSecurity };

export const baseConfigNames = {
  namespace: 'MILLRACE_NAMESPACE',
  dataDir: 'MILLRACE_DATA_DIR',
  project: 'MILLRACE_PROJECT',
  logLevel: 'MILLRACE_LOG_LEVEL',
  temporalAddress: 'MILLRACE_TEMPORAL_ADDRESS',
  temporalNamespace: 'MILLRACE_TEMPORAL_NAMESPACE',
  kafkaBrokers: 'MILLRACE_KAFKA_BROKERS',
  postgresUrl: 'MILLRACE_POSTGRES_URL',
  redisUrl: 'MILLRACE_REDIS_URL',
} as const;

/** What a program needs that reads the online store and nothing else. */
export type OnlineStoreConfig = Pick<BaseConfig, 'namespace' | 'redisUrl' | 'logLevel'>;

/** @throws MillraceError CONFIG_INVALID naming every wrong variable */
export function loadOnlineStoreConfig(environment: Environment): OnlineStoreConfig {
  const { namespace, redisUrl, logLevel } = baseConfigNames;
  return readSettings(schema.pick({ namespace: true, redisUrl: true, logLevel: true }), { namespace, redisUrl, logLevel }, environment);
}

/** @throws MillraceError CONFIG_INVALID naming every wrong variable */
export function loadBaseConfig(environment: Environment): BaseConfig {
  const settings = readSettings(securedSchema, { ...baseConfigNames, ...securityNames }, environment);
  const base = Object.fromEntries(Object.keys(baseConfigNames).map((name) => [name, settings[name as keyof typeof baseConfigNames]]));
  return Object.freeze({ ...(base as z.output<typeof schema>), security: securityOf(settings) });
}

/** What a client of Kafka needs to reach it. */
export const kafkaServers = (config: BaseConfig): KafkaServers => ({ brokers: config.kafkaBrokers, security: config.security.kafka });

/** What a client of Temporal needs to reach it. */
export const temporalServer = (config: BaseConfig): TemporalServer => ({
  address: config.temporalAddress,
  namespace: config.temporalNamespace,
  security: config.security.temporal,
});
