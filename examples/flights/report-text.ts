import { driftByFeature, retrainings, stamp, totalsOf, type FlightsReport } from './flights-report.ts';

const DRIFT_SHOWN = 8;

/** The report for a terminal of 100 columns. */
export function reportText(report: FlightsReport): string {
  const { comparison } = report;
  const totals = totalsOf(report.balance);
  const number = (value: number | null, digits = 3): string => (value === null ? '-' : value.toFixed(digits));
  const lines = [
    '',
    `What served '${report.model}' beside version ${report.frozenVersion} kept frozen`,
    '',
    'month     flights   late   AUC served  frozen    log loss served  frozen   calibration served  frozen  versions',
    ...[...comparison.byMonth, comparison.overall].map((m) =>
      [
        m.slice.padEnd(8),
        String(m.served.rows).padStart(8),
        number(m.served.baseRate).padStart(7),
        number(m.served.auc).padStart(10),
        number(m.other.auc).padStart(8),
        number(m.served.logLoss, 4).padStart(16),
        number(m.other.logLoss, 4).padStart(9),
        number(m.served.calibrationError).padStart(18),
        number(m.other.calibrationError).padStart(8),
        `  ${m.versions.join(', ')}`,
      ].join(''),
    ),
    ...(comparison.leftOut === 0 ? [] : [`(${comparison.leftOut} answers are not in it: version ${report.frozenVersion} takes features that were not read for them)`]),
    '',
    `Every training, why it began and how it ended ('npx millrace ledger ${report.model}' has each step)`,
    '',
    ...retrainings(report.ledger).flatMap((r) => [
      `  v${r.version}  ${stamp(r.at)}  ${r.trigger}`,
      `      ${r.verdict}: ${r.reason}`,
    ]),
    '',
    'Drift: the highest PSI against the champion’s reference in any week',
    '',
    ...driftByFeature(report.monitor)
      .slice(0, DRIFT_SHOWN)
      .map((d) => `  ${d.name.padEnd(44)} ${number(d.psi, 2).padStart(6)}  week of ${new Date(d.window).toISOString().slice(0, 10)}`),
    '',
    `Predictions  ${report.predictions.answered} answered, ${report.predictions.failed} failed, ${report.predictions.askedAgain} asked again, ${report.predictions.stored} decisions stored; latency ms p50 ${number(report.latencyMs.p50, 1)}  p95 ${number(report.latencyMs.p95, 1)}  p99 ${number(report.latencyMs.p99, 1)}`,
    `Freshness    sent to visible, ms: p50 ${number(report.freshnessMs.p50, 0)}  p99 ${number(report.freshnessMs.p99, 0)}`,
    `Events       ${totals.sent} sent = ${totals.stored} stored + ${totals.deadLetters} dead letters + ${totals.duplicates} redeliveries: ${totals.balanced ? 'balanced' : 'NOT BALANCED'}`,
    `Wall clock   ${(report.wallClockMs / 60_000).toFixed(1)} minutes on ${report.machine}`,
    '',
  ];
  return lines.join('\n');
}
