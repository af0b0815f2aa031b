/*
 * Drivers are loaded when a command opens them: each takes a good part of a second, and most commands need
 * one of them or none.
 */
import path from 'node:path';
import type { Client } from '@temporalio/client';
import { createNames, type Names } from '../src/contracts/names.ts';
import { createArtifactStore, type ArtifactStore } from '../src/infra/artifacts.ts';
import type { BaseConfig } from '../src/infra/base-config.ts';
import type { KafkaClient } from '../src/infra/kafka.ts';
import type { Postgres } from '../src/infra/postgres.ts';
import type { Tracing } from '../src/infra/tracing.ts';
import type { LogDatabase } from '../src/store/cold-log/cold-log.ts';
import type { Registry } from '../src/registry/registry.ts';
import type { CommandContext } from './command-context.ts';

/** A command asks little of Postgres: one connection for itself, one for what runs beside it. */
const POSTGRES_POOL_MAX = 2;

/** Where all processes of a data directory keep artifacts. */
export const artifactStoreOf = (config: BaseConfig): ArtifactStore =>
  createArtifactStore(path.join(config.dataDir, 'artifacts'));

export async function withPostgres<T>(
  context: CommandContext,
  work: (postgres: Postgres, config: BaseConfig) => Promise<T>,
): Promise<T> {
  const config = await context.config();
  const { createPostgres } = await import('../src/infra/postgres.ts');
  const postgres = createPostgres({
    url: config.postgresUrl,
    applicationName: 'millrace-cli',
    logger: context.logger,
    poolMax: POSTGRES_POOL_MAX,
  });
  try {
    return await work(postgres, config);
  } finally {
    await postgres.close();
  }
}

/** A database whose logs are read hot and cold. */
export const withLogDatabase = <T>(
  context: CommandContext,
  work: (db: LogDatabase, config: BaseConfig) => Promise<T>,
): Promise<T> =>
  withPostgres(context, async (postgres, config) => {
    const { loadColdLogConfig } = await import('../src/infra/cold-log-config.ts');
    const { createColdLog, withColdLog } = await import('../src/store/cold-log/cold-log.ts');
    const coldLog = createColdLog(loadColdLogConfig(await context.environment()));
    try {
      return await work(withColdLog(postgres, coldLog), config);
    } finally {
      coldLog.close();
    }
  });

export const withRegistry = <T>(
  context: CommandContext,
  work: (registry: Registry, config: BaseConfig) => Promise<T>,
): Promise<T> =>
  withPostgres(context, async (postgres, config) => {
    const { createRegistry } = await import('../src/registry/registry.ts');
    return work(createRegistry(postgres, artifactStoreOf(config)), config);
  });

export async function withKafka<T>(
  context: CommandContext,
  work: (kafka: KafkaClient, names: Names) => Promise<T>,
): Promise<T> {
  const config = await context.config();
  const { createKafka } = await import('../src/infra/kafka.ts');
  const { kafkaServers } = await import('../src/infra/base-config.ts');
  const kafka = createKafka({
    ...kafkaServers(config),
    clientId: 'millrace-cli',
    logger: context.logger,
  });
  try {
    return await work(kafka, createNames(config.namespace));
  } finally {
    await kafka.close();
  }
}

/** What Temporal throws inside `work` comes out translated; `doing` completes "while ...". */
export async function withTemporal<T>(
  context: CommandContext,
  doing: string,
  work: (client: Client, config: BaseConfig) => Promise<T>,
): Promise<T> {
  const config = await context.config();
  const { connectTemporal } = await import('../src/infra/temporal.ts');
  const { translateTemporalError } = await import('../src/infra/temporal-error.ts');
  const { temporalServer } = await import('../src/infra/base-config.ts');
  const tracing = await openCommandTracing(context, config);
  const temporal = await connectTemporal(temporalServer(config), await tracing?.temporal());
  try {
    return await work(temporal.client, config);
  } catch (error) {
    throw translateTemporalError(error, doing);
  } finally {
    await temporal.close();
    await tracing?.close();
  }
}

/** A command begins the traces of the workflows that it starts; undefined where tracing is off. */
async function openCommandTracing(context: CommandContext, { namespace }: BaseConfig): Promise<Tracing | undefined> {
  const { loadTracingConfig } = await import('../src/infra/tracing-config.ts');
  const { openTracing } = await import('../src/infra/tracing.ts');
  const { Registry } = await import('../src/infra/metrics.ts');
  const config = loadTracingConfig(await context.environment());
  return openTracing(config, { name: 'cli', namespace, registry: new Registry(), logger: context.logger });
}
