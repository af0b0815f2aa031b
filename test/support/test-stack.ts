import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';

/** The real servers of this test run. */
export interface TestStack {
  readonly postgresUrl: string;
  readonly redisUrl: string;
  readonly kafkaBrokers: string[];
  readonly temporalAddress: string;
  readonly temporalNamespace: string;
  /** Path of the Temporal CLI, for `TestWorkflowEnvironment.createLocal`. */
  readonly temporalCli: string;
}

/** The servers that the global set-up started for the projects `integration`, `workflow`, `replay` and `e2e`. */
export function testStack(): TestStack {
  return inject('testStack');
}

export interface TestDatabase {
  readonly url: string;
  /** Ends what is still connected and removes the database. */
  drop(): Promise<void>;
}

/** An empty database of its own for a test file. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const name = testPrefix();
  const server = testStack().postgresUrl;
  await execute(server, `CREATE DATABASE "${name}"`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => execute(server, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`) };
}

/** A name that no other test uses, for topics, keys, groups and namespaces: a letter, digits and letters. */
export function testPrefix(): string {
  return `t${randomBytes(6).toString('hex')}`;
}

async function execute(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
