import type { MonitorResult, MonitoredWindow } from '../contracts/monitor.ts';
import type { Postgres } from '../infra/postgres.ts';
import type { Registry } from '../registry/registry.ts';
import { closedWindows, knownUntil, type WindowSpan } from './closed-windows.ts';
import { decideTrigger } from './decide-trigger.ts';
import { evaluateWindow, type WindowReference } from './evaluate-window.ts';
import { lastTriggerCut, storeReport, undeliveredTrigger } from './monitor-reports.ts';
import type { MonitoredModel } from './monitored-model.ts';
import { readWindow, type WindowRow } from './read-window.ts';
import type { WindowReport } from './window-report.ts';

export interface MonitorDependencies {
  readonly postgres: Postgres;
  readonly registry: Registry;
  /** Called after each window. */
  readonly onWindow?: (report: WindowReport) => void;
}

/**
 * Evaluates every event-time window that closed since the last report, stores the reports, and answers
 * the trigger that is still to be delivered. A second run finds nothing to do.
 */
export async function monitorClosedWindows(dependencies: MonitorDependencies, model: MonitoredModel): Promise<MonitorResult> {
  const { postgres } = dependencies;
  const known = await knownUntil(postgres, model.label.source);
  const windows: MonitoredWindow[] = [];
  if (known !== null) {
    for (const span of await closedWindows(postgres, model, known)) {
      const report = await monitorWindow(dependencies, model, span, known);
      if (report === null) continue;
      dependencies.onWindow?.(report);
      windows.push(monitoredWindow(report));
    }
  }
  return { windows, triggered: await undeliveredTrigger(postgres, model.name) };
}

async function monitorWindow(
  { postgres, registry }: MonitorDependencies,
  model: MonitoredModel,
  span: WindowSpan,
  known: number,
): Promise<WindowReport | null> {
  const rows = await readWindow(postgres, model, span.from, span.to);
  const version = mostFrequentVersion(rows);
  if (version === null) return null;
  const bundle = await registry.readBundle(model.name, version);
  const reference: WindowReference = { version, profile: bundle.referenceProfile, signature: bundle.signature };
  const report = evaluateWindow(span, rows, reference, model.policy);
  const lastCut = await lastCutOf({ postgres, registry }, model.name);
  const trigger = decideTrigger(model.policy, report, {
    lastCut,
    referenceLogLoss: bundle.metrics.candidate?.overall.logLoss ?? null,
    labelsSince: await labelsSince(postgres, model, lastCut),
    dataCut: known,
    requestedBy: 'monitor',
  });
  await storeReport(postgres, model.name, report, trigger);
  return report;
}

/** Training that was asked for counts as done: the cool-down starts with the asking. */
async function lastCutOf({ postgres, registry }: MonitorDependencies, model: string): Promise<number> {
  const versions = await registry.listVersions(model);
  const trained = versions.reduce((newest, { lineage }) => Math.max(newest, lineage.dataCut), 0);
  return Math.max(trained, (await lastTriggerCut(postgres, model)) ?? 0);
}

async function labelsSince(postgres: Postgres, { label, policy }: MonitoredModel, cut: number): Promise<number> {
  if (policy.newLabels === null) return 0;
  const [row] = await postgres.query<{ count: number }>(
    `SELECT count(*)::float8 AS count FROM ${label.table} WHERE known_time > $1 AND ${label.value} IS NOT NULL`,
    [new Date(cut)],
  );
  return row?.count ?? 0;
}

function mostFrequentVersion(rows: readonly WindowRow[]): number | null {
  const counts = new Map<number, number>();
  for (const { version } of rows) counts.set(version, (counts.get(version) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || b - a)[0]?.[0] ?? null;
}

const monitoredWindow = (report: WindowReport): MonitoredWindow => ({
  from: report.from,
  to: report.to,
  decisions: report.decisions,
  labelled: report.labelled,
  auc: report.auc,
  logLoss: report.logLoss,
  calibrationError: report.calibrationError,
  predictionPsi: report.predictionPsi,
  predictionPsiLimit: report.predictionPsiLimit,
  worstFeature: report.worstFeature,
  driftedFeatures: report.driftedFeatures,
});
