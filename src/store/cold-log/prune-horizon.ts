import { parseDuration } from '../../core/duration.ts';
import { inputsOf } from '../../define/derivation.ts';
import type { Model } from '../../define/model.ts';
import type { Project } from '../../define/project.ts';
import type { Source } from '../../define/source.ts';
import type { Queryable } from '../../infra/postgres.ts';
import { presentOf } from './plan-export.ts';

export interface PruneHorizon {
  /** Rows known at or after it stay in Postgres, ms since the epoch. */
  readonly before: number;
  /** The reader that needs them there. */
  readonly because: string;
}

/** Who may read a log by SQL: definitions of the project. */
export type PruneReaders = Pick<Project, 'models' | 'sources'>;

/**
 * What Postgres has to keep of a source's log, because somebody asks it by SQL: the youngest rows by a setting, ids that
 * a redelivery may carry, labels that monitors have yet to count, and all that derived sources are made of. All other readers reach the cold log.
 * @returns null where no event has come yet
 */
export async function pruneHorizon(
  db: Queryable,
  source: Source,
  { models, sources }: PruneReaders,
  { now, keepMs }: { readonly now: number; readonly keepMs: number },
): Promise<PruneHorizon | null> {
  const present = await presentOf(db, source.name, now);
  if (present === null) return null;
  const bounds: PruneHorizon[] = [
    { before: present - keepMs, because: 'MILLRACE_COLD_LOG_KEEP' },
    {
      before: present - (parseDuration(source.dedupeWindow) ?? 0),
      because: `the source's dedupe window of ${source.dedupeWindow}`,
    },
  ];
  for (const derived of sources.filter((one) => inputsOf(one).some(({ name }) => name === source.name)))
    bounds.push({ before: 0, because: `the derived source '${derived.name}', which reads all of it` });
  for (const model of models) {
    if (model.label.source.name !== source.name) continue;
    bounds.push(...(await monitoredFrom(db, model)), ...(await countedFrom(db, model)));
  }
  return bounds.reduce((least, bound) => (bound.before < least.before ? bound : least));
}

/** The monitor joins the decisions of a window with their labels: none of those that have no report yet may go. */
async function monitoredFrom(db: Queryable, { name }: Model): Promise<PruneHorizon[]> {
  const [row] = await db.query<{ from: number | null }>(
    `SELECT (extract(epoch FROM coalesce(
       (SELECT max(window_to) FROM millrace.monitor_reports WHERE model = $1),
       (SELECT min(as_of) FROM millrace.decisions WHERE model = $1))) * 1000)::float8 AS from`,
    [name],
  );
  const from = row?.from ?? null;
  return from === null ? [] : [{ before: from, because: `the monitor of '${name}', which has no report of later windows` }];
}

/** A model that is trained anew after so many labels counts them from its newest data cut. */
async function countedFrom(db: Queryable, { name, monitor }: Model): Promise<PruneHorizon[]> {
  if (monitor.newLabels === null) return [];
  const [row] = await db.query<{ cut: number | null }>(
    `SELECT max((lineage->>'dataCut')::float8) AS cut FROM millrace.model_versions WHERE model = $1`,
    [name],
  );
  return [{ before: row?.cut ?? 0, because: `the count of new labels of '${name}' since it was trained` }];
}
