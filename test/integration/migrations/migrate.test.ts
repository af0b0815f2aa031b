import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../../src/infra/logger.ts';
import { migrate } from '../../../src/infra/migrate.ts';
import { createPostgres, type Postgres } from '../../../src/infra/postgres.ts';
import { migrationsDirectory } from '../../support/registry-stage.ts';
import { createTestDatabase, type TestDatabase } from '../../support/test-stack.ts';

const PROCESSES = 20;

let database: TestDatabase;
let open: Postgres[];

const connect = (): Postgres => {
  const postgres = createPostgres({
    url: database.url,
    applicationName: 'test',
    logger: createLogger('test', 'silent'),
    poolMax: 1,
  });
  open.push(postgres);
  return postgres;
};

beforeEach(async () => {
  open = [];
  database = await createTestDatabase();
});

afterEach(async () => {
  await Promise.all(open.map((postgres) => postgres.close()));
  await database.drop();
});

describe('the migrations', () => {
  it('build the schema from nothing, and a second run does nothing', async () => {
    const postgres = connect();
    expect(await migrate(postgres, migrationsDirectory)).toContain('0001_schemas.sql');
    expect(await migrate(postgres, migrationsDirectory)).toEqual([]);
    const tables = await postgres.query<{ name: string }>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'millrace' ORDER BY name",
    );
    expect(tables.map(({ name }) => name)).toEqual([
      'aliases',
      'allocations',
      'cold_log_files',
      'cold_log_ranges',
      'dead_letters',
      'decision_positions',
      'decisions',
      'definitions',
      'derive_positions',
      'experiments',
      'ingest_positions',
      'ledger',
      'ledger_head',
      'model_versions',
      'models',
      'monitor_reports',
      'service_definitions',
      'serving_status',
      'skew_certificates',
      'view_version_changes',
      'view_versions',
    ]);
  });

  it('run once each when twenty processes start together', async () => {
    const ran = await Promise.all(Array.from({ length: PROCESSES }, () => migrate(connect(), migrationsDirectory)));
    const names = ran.flat();
    expect(new Set(names).size).toBe(names.length);
    expect(names).toContain('0001_schemas.sql');
  });

  it('refuse a database that a newer Millrace migrated', async () => {
    const postgres = connect();
    await migrate(postgres, migrationsDirectory);
    await postgres.query("INSERT INTO public.millrace_migrations (number, name) VALUES (9999, '9999_later.sql')");
    await expect(migrate(postgres, migrationsDirectory)).rejects.toMatchObject({ code: 'MIGRATION_DATABASE_AHEAD' });
  });
});
