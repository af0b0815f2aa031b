import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { MillraceError } from '../core/millrace-error.ts';
import type { Postgres } from './postgres.ts';

/** Any constant: all Millrace processes that migrate one database meet on it. */
const ADVISORY_LOCK = 5_237_118;

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}

/**
 * Brings a database up to the newest of the numbered `.sql` files; each runs once, in its own
 * transaction. Any number of processes may do so at the same time.
 * @returns names of the migrations that this call ran
 * @throws MillraceError MIGRATION_DATABASE_AHEAD where the database knows a number that the code does not
 */
export async function migrate(postgres: Postgres, directory: string): Promise<string[]> {
  const migrations = await readMigrations(directory);
  const ran: string[] = [];
  for (const migration of migrations) {
    const done = await postgres.transaction(async (tx) => {
      await tx.query('SELECT pg_advisory_xact_lock($1)', [ADVISORY_LOCK]);
      await tx.query(
        'CREATE TABLE IF NOT EXISTS public.millrace_migrations (number int PRIMARY KEY, name text NOT NULL, ran_at timestamptz NOT NULL DEFAULT now())',
      );
      const [newest] = await tx.query<{ number: number }>(
        'SELECT coalesce(max(number), 0) AS number FROM public.millrace_migrations',
      );
      const last = migrations.at(-1)?.number ?? 0;
      if (newest !== undefined && newest.number > last) {
        throw new MillraceError(
          'MIGRATION_DATABASE_AHEAD',
          `The database is at migration ${newest.number}, this code knows up to ${last}. Run the newer Millrace, or restore the database from before.`,
        );
      }
      const inserted = await tx.query(
        'INSERT INTO public.millrace_migrations (number, name) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING number',
        [migration.number, migration.name],
      );
      if (inserted.length === 0) return false;
      await tx.query(migration.sql);
      return true;
    });
    if (done) ran.push(migration.name);
  }
  return ran;
}

async function readMigrations(directory: string): Promise<Migration[]> {
  const files = (await readdir(directory)).filter((file) => file.endsWith('.sql')).sort();
  return Promise.all(
    files.map(async (file) => ({
      number: Number.parseInt(file, 10),
      name: file,
      sql: await readFile(path.join(directory, file), 'utf8'),
    })),
  );
}
