import type { RetrainRequest } from '../contracts/lifecycle.ts';
import type { Queryable } from '../infra/postgres.ts';
import type { WindowReport } from './window-report.ts';

/** Stores a window's report; one that is there already stays. */
export async function storeReport(db: Queryable, model: string, report: WindowReport, trigger: RetrainRequest | null): Promise<void> {
  await db.query(
    `INSERT INTO millrace.monitor_reports (model, window_from, window_to, version, decisions, labelled, auc, log_loss,
       brier, calibration_error, mean_score, base_rate, prediction_psi, drifted_features, feature_psi, trigger)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
     ON CONFLICT (model, window_from) DO NOTHING`,
    [
      model,
      new Date(report.from),
      new Date(report.to),
      report.version,
      report.decisions,
      report.labelled,
      report.auc,
      report.logLoss,
      report.brier,
      report.calibrationError,
      report.meanScore,
      report.baseRate,
      report.predictionPsi,
      report.driftedFeatures,
      JSON.stringify(report.featurePsi),
      trigger === null ? null : JSON.stringify(trigger),
    ],
  );
}

/** Data cut of the newest trigger, delivered or not; null where none ever fired. */
export async function lastTriggerCut(db: Queryable, model: string): Promise<number | null> {
  const [row] = await db.query<{ cut: number | null }>(
    `SELECT max((trigger->>'dataCut')::float8) AS cut FROM millrace.monitor_reports WHERE model = $1 AND trigger IS NOT NULL`,
    [model],
  );
  return row?.cut ?? null;
}

/** The newest trigger that the lifecycle has not been told of. */
export async function undeliveredTrigger(db: Queryable, model: string): Promise<RetrainRequest | null> {
  const [row] = await db.query<{ trigger: RetrainRequest }>(
    `SELECT trigger FROM millrace.monitor_reports
     WHERE model = $1 AND trigger IS NOT NULL AND trigger_delivered_at IS NULL ORDER BY window_from DESC LIMIT 1`,
    [model],
  );
  return row?.trigger ?? null;
}

export async function acknowledgeTrigger(db: Queryable, model: string, dataCut: number): Promise<void> {
  await db.query(
    `UPDATE millrace.monitor_reports SET trigger_delivered_at = now()
     WHERE model = $1 AND trigger_delivered_at IS NULL AND (trigger->>'dataCut')::float8 <= $2`,
    [model, dataCut],
  );
}

interface ReportRow {
  readonly window_from: Date;
  readonly window_to: Date;
  readonly version: number;
  readonly decisions: number;
  readonly labelled: number;
  readonly auc: number | null;
  readonly log_loss: number | null;
  readonly brier: number | null;
  readonly calibration_error: number | null;
  readonly mean_score: number | null;
  readonly base_rate: number | null;
  readonly prediction_psi: number | null;
  readonly drifted_features: number;
  readonly feature_psi: Readonly<Record<string, number>>;
  readonly trigger: RetrainRequest | null;
}

export type StoredReport = Omit<WindowReport, 'worstFeature' | 'predictionPsiLimit'> & { readonly trigger: RetrainRequest | null };

const REPORTS_MAX = 1_000;

/** The newest reports of a model, oldest first; at most 1,000. */
export async function listReports(
  db: Queryable,
  model: string,
  limit = REPORTS_MAX,
): Promise<StoredReport[]> {
  const rows = await db.query<ReportRow>(
    `SELECT window_from, window_to, version, decisions, labelled, auc, log_loss, brier, calibration_error,
       mean_score, base_rate, prediction_psi, drifted_features, feature_psi, trigger
     FROM millrace.monitor_reports WHERE model = $1 ORDER BY window_from DESC LIMIT $2`,
    [model, Math.min(limit, REPORTS_MAX)],
  );
  return rows.reverse().map((row) => ({
    from: row.window_from.getTime(),
    to: row.window_to.getTime(),
    version: row.version,
    decisions: row.decisions,
    labelled: row.labelled,
    auc: row.auc,
    logLoss: row.log_loss,
    brier: row.brier,
    calibrationError: row.calibration_error,
    meanScore: row.mean_score,
    baseRate: row.base_rate,
    predictionPsi: row.prediction_psi,
    driftedFeatures: row.drifted_features,
    featurePsi: row.feature_psi,
    trigger: row.trigger,
  }));
}
