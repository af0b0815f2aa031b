import path from 'node:path';
import { createLogger } from '../../src/infra/logger.ts';
import { migrate } from '../../src/infra/migrate.ts';
import { createPostgres, type Postgres } from '../../src/infra/postgres.ts';
import { processEnvironment } from '../../src/infra/process-environment.ts';
import { ROOT } from './bench-process.ts';

/** As the base configuration has it. */
const URL_DEFAULT = 'postgresql://127.0.0.1:5432/millrace';

export interface ScratchDatabase {
  readonly name: string;
  readonly url: string;
  readonly postgres: Postgres;
  /** Drops it, whoever is still connected. */
  close(): Promise<void>;
}

/**
 * A migrated database of this process on the server of MILLRACE_POSTGRES_URL.
 * @param purpose letters and digits
 */
export async function openScratchDatabase(purpose: string, options: { statementTimeoutMs?: number } = {}): Promise<ScratchDatabase> {
  const logger = createLogger('bench', 'warn');
  const url = new URL(processEnvironment()['MILLRACE_POSTGRES_URL'] ?? URL_DEFAULT);
  const admin = createPostgres({ url: url.href, applicationName: 'bench', logger, poolMax: 1 });
  const name = `bench_${purpose}_${process.pid}`;
  await admin.query(`CREATE DATABASE ${name}`);
  url.pathname = `/${name}`;
  const postgres = createPostgres({ url: url.href, applicationName: 'bench', logger, ...options });
  await migrate(postgres, path.join(ROOT, 'migrations'));
  return {
    name,
    url: url.href,
    postgres,
    async close(): Promise<void> {
      await postgres.close();
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.close();
    },
  };
}
