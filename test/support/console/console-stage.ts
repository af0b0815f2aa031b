import { request } from 'undici';
import { loadConsoleSettings } from '../../../console/settings.ts';
import { startConsole, type RunningConsole } from '../../../console/start-console.ts';
import type { WindowReport } from '../../../src/monitoring/window-report.ts';
import { loadBaseConfig } from '../../../src/infra/base-config.ts';
import { loadProject } from '../../../src/infra/load-project.ts';
import { createLogger } from '../../../src/infra/logger.ts';
import type { Postgres } from '../../../src/infra/postgres.ts';

/** Nobody answers here. */
const AWAY = '127.0.0.1:9';

/** A console on a free port, over the servers that the environment names. */
export async function openConsole(
  environment: Readonly<Record<string, string>>,
  settings: Readonly<Record<string, string>> = {},
): Promise<RunningConsole> {
  const config = loadBaseConfig({ ...environment, MILLRACE_LOG_LEVEL: 'silent' });
  return startConsole({
    project: await loadProject(config.project),
    config,
    settings: loadConsoleSettings({ MILLRACE_CONSOLE_PORT: '0', ...settings }),
    addresses: { serving: 'http://127.0.0.1:1', gateway: 'http://127.0.0.1:2', temporalUi: null },
    readProcesses: async () => null,
    streamMetricsUrl: async () => null,
    logger: createLogger('console', 'silent'),
  });
}

/** The same environment with every server away. */
export const withoutServers = (environment: Readonly<Record<string, string>>) => ({
  ...environment,
  MILLRACE_TEMPORAL_ADDRESS: AWAY,
  MILLRACE_KAFKA_BROKERS: AWAY,
  MILLRACE_POSTGRES_URL: `postgresql://${AWAY}/none`,
  MILLRACE_REDIS_URL: `redis://${AWAY}`,
});

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

export async function ask(url: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const { statusCode, headers: answered, body } = await request(url, { headers });
  const text = await body.text();
  const isJson = String(answered['content-type']).startsWith('application/json');
  return {
    status: statusCode,
    headers: answered,
    text,
    body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
  };
}

export interface StoredPayment {
  readonly id: string;
  readonly version: number;
  readonly variant?: 'champion' | 'canary';
  readonly at: number;
  readonly score: number;
  /** Undefined: its label is not known. */
  readonly fraud?: boolean;
}

/** Stores decisions as the sink does, in the order given, and their labels as ingest does. */
export async function storePayments(postgres: Postgres, rows: readonly StoredPayment[]): Promise<void> {
  for (const [at, row] of rows.entries()) {
    const time = new Date(row.at);
    const body = {
      digest: 'd'.repeat(64),
      instance: { cardId: 'c', amount: 12.5 },
      categories: ['UA'],
      reads: [
        { view: 'card_activity', version: 1, entityKey: 'c', fence: { 0: 41 }, newestKnownTime: row.at },
      ],
      latencyMs: { features: 1, queue: 0.5, compute: 2, total: 4 },
    };
    await postgres.query(
      `INSERT INTO millrace.decisions (id, model, version, variant, example_id, as_of, served_at, score, numbers, body)
       VALUES ($1, 'fraud', $2, $3, $1, $4, $4, $5, $6, $7)`,
      [
        row.id,
        row.version,
        row.variant ?? 'champion',
        time,
        row.score,
        Buffer.from(Float32Array.of(0.1, NaN).buffer),
        JSON.stringify(body),
      ],
    );
    if (row.fraud === undefined) continue;
    await postgres.query(
      `INSERT INTO log.chargebacks (source_partition, source_offset, event_time, effective_time, known_time, id, "paymentId", fraud, at)
       VALUES (0, $1, $2, $2, $2, $3, $3, $4, $2)`,
      [at, time, row.id, row.fraud],
    );
  }
}

export async function storeDeadLetters(postgres: Postgres, payloads: readonly string[]): Promise<void> {
  for (const [offset, payload] of payloads.entries()) {
    await postgres.query(
      `INSERT INTO millrace.dead_letters (source, partition, source_offset, code, message, payload, known_time)
       VALUES ('payments', 1, $1, 'STREAM_EVENT_MALFORMED', 'no JSON', $2, $3)`,
      [offset, payload, new Date(offset * 1_000)],
    );
  }
}

export const windowReport = (day: number, over: Partial<WindowReport> = {}): WindowReport => ({
  from: day * 86_400_000,
  to: (day + 1) * 86_400_000,
  decisions: 100,
  labelled: 90,
  auc: 0.75,
  logLoss: 0.5,
  calibrationError: 0.02,
  predictionPsi: 0.1,
  predictionPsiLimit: 0.25,
  worstFeature: { name: 'delay', psi: 0.4, limit: 0.25 },
  driftedFeatures: 1,
  version: 1,
  brier: 0.2,
  meanScore: 0.3,
  baseRate: 0.28,
  featurePsi: { delay: 0.4, distance: 0.01 },
  ...over,
});
