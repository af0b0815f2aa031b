import type { Decision } from '../../src/contracts/decision.ts';
import {
  source,
} from '../../src/define/source.ts';
import { boolean, nullable, number, string, timestamp } from '../../src/define/field.ts';
import { entity } from '../../src/define/entity.ts';
import { featureService } from '../../src/define/feature-service.ts';
import { featureView } from '../../src/define/feature-view.ts';
import { model, type MonitorPolicy } from '../../src/define/model.ts';
import type { Postgres } from '../../src/infra/postgres.ts';
import { createLogTableSql, logTable } from '../../src/store/log-table.ts';

export const DAY_MS = 86_400_000;

const trips = source({
  name: 'trips',
  schema: { id: string(), carrier: string(), at: timestamp(), distance: number() },
  id: 'id',
  eventTime: 'at',
});
const arrivals = source({
  name: 'arrivals',
  schema: { id: string(), at: timestamp(), late: nullable(boolean()) },
  id: 'id',
  eventTime: 'at',
});
const carrier = entity({ name: 'carrier', keys: ['carrier'] });
const activity = featureView({
  name: 'activity',
  entity: carrier,
  source: trips,
  features: (aggregate) => ({ trips_1d: aggregate.count({ window: '1d' }) }),
});

/** A small model whose labels come from `arrivals`. */
export const monitoredTrips = (name: string, monitor: Partial<MonitorPolicy> = {}) =>
  model({
    name,
    service: featureService({ name: 'service', views: [activity] }),
    examples: { source: trips, id: 'id', decisionTime: { field: 'at' } },
    label: { source: arrivals, id: 'id', value: 'late' },
    monitor: { window: '1d', labelDelay: '1d', coolDown: '2d', driftedFeatures: 1, ...monitor },
  });

export interface AnsweredTrip {
  readonly id: string;
  readonly model: string;
  readonly version: number;
  readonly asOf: number;
  readonly score: number;
  readonly variant?: Decision['variant'];
  /** What its arm was assigned by. */
  readonly unit?: string;
  /** Now, where absent; ms since the epoch. */
  readonly servedAt?: number;
  readonly shadow?: { readonly version: number; readonly score: number };
  readonly numbers?: readonly number[];
  readonly carrier?: string;
  /** Of a version that takes others than the carrier alone. */
  readonly categories?: readonly string[];
  /** What the request carried. */
  readonly instance?: Readonly<Record<string, string | number | boolean | null>>;
  readonly latencyMs?: number;
  /** Undefined: its label is not known. */
  readonly late?: boolean | null;
}

export async function createTripLogs(postgres: Postgres): Promise<void> {
  for (const statement of [...createLogTableSql(trips), ...createLogTableSql(arrivals)]) await postgres.query(statement);
}

/** Stores decisions as the decision sink does, and the labels that are given as ingest does. */
export async function storeTrips(postgres: Postgres, rows: readonly AnsweredTrip[]): Promise<void> {
  await postgres.query(
    `INSERT INTO millrace.decisions
       (id, model, version, variant, example_id, as_of, served_at, score, shadow_version, shadow_score, numbers, body)
     SELECT r.id, r.model, r.version, r.variant, r.id, to_timestamp(r.as_of / 1000), coalesce(to_timestamp(r.served_at / 1000), now()), r.score, r.shadow_version,
       r.shadow_score, decode(r.numbers, 'base64'), r.body
     FROM jsonb_to_recordset($1::jsonb) AS r(id text, model text, version int, variant text, as_of float8, served_at float8, score float8,
       shadow_version int, shadow_score float8, numbers text, body jsonb)`,
    [
      JSON.stringify(
        rows.map((row) => ({
          id: row.id,
          model: row.model,
          version: row.version,
          variant: row.variant ?? 'champion',
          as_of: row.asOf,
          served_at: row.servedAt ?? null,
          score: row.score,
          shadow_version: row.shadow?.version ?? null,
          shadow_score: row.shadow?.score ?? null,
          numbers: Buffer.from(Float32Array.from(row.numbers ?? [5, 400]).buffer).toString('base64'),
          body: { ...(row.unit === undefined ? {} : { unit: row.unit }), instance: row.instance ?? {}, categories: row.categories ?? [row.carrier ?? 'AA'], latencyMs: { total: row.latencyMs ?? 1 } },
        })),
      ),
    ],
  );
  const [present] = await postgres.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${logTable('arrivals')}`);
  await postgres.query(
    `INSERT INTO ${logTable('arrivals')} (source_partition, source_offset, event_time, effective_time, known_time, id, at, late)
     SELECT 0, $2::int + row_number() OVER (), t.at, t.at, t.at, t.id, t.at, t.late
     FROM (SELECT r.id, to_timestamp(r.at / 1000) AS at, r.late FROM jsonb_to_recordset($1::jsonb) AS r(id text, at float8, late boolean)) t`,
    [JSON.stringify(rows.filter((row) => row.late !== undefined).map(({ id, asOf, late }) => ({ id, at: asOf, late }))), present?.count ?? 0],
  );
}

/** Says that every partition of the labels has been stored up to a moment. */
export async function labelsKnownUntil(postgres: Postgres, ...perPartition: readonly number[]): Promise<void> {
  for (const [partition, known] of perPartition.entries()) {
    await postgres.query(
      `INSERT INTO millrace.ingest_positions (source, partition, next_offset, newest_known_time) VALUES ('arrivals', $1, 0, $2)
       ON CONFLICT (source, partition) DO UPDATE SET newest_known_time = excluded.newest_known_time`,
      [partition, new Date(known)],
    );
  }
}
