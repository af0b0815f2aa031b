import { driftByFeature, retrainings, stamp, totalsOf, type FlightsReport } from './flights-report.ts';
import { escapeHtml, lineChart } from './svg-chart.ts';

const SERVED = '#1c6dd0';
const FROZEN = '#c2571a';
const TRUTH = '#4a4a4a';
const DRIFT_FEATURES = 24;
/** PSI from which the field calls a shift large. */
const PSI_LARGE = 0.25;
/** A slice with fewer flights is the edge of a year in another time zone: it stays out of the charts. */
const CHARTED_ROWS_MIN = 500;

const style = `body{font:15px/1.5 system-ui,sans-serif;max-width:820px;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2.2rem}svg{width:100%;height:auto}
svg text{font:11px system-ui,sans-serif;fill:#555}svg .title{font-weight:600;font-size:13px;fill:#222}
.grid{stroke:#e4e4e4}line.mark{stroke:#2a8f4a;stroke-dasharray:3 3}text.mark{fill:#2a8f4a}
table{border-collapse:collapse;width:100%;font-size:13px}th,td{padding:3px 8px;text-align:right;border-bottom:1px solid #e8e8e8}
th:first-child,td:first-child,td.text,th.text{text-align:left}td.time{white-space:nowrap}td{vertical-align:top}.heat td{padding:0;height:15px;min-width:9px;border:1px solid #fff}
.heat td:first-child{padding-right:8px;white-space:nowrap;font-size:11px;text-align:left}`;

/** The report as one self-contained page. */
export function reportHtml(report: FlightsReport): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Millrace: a year of flights</title><style>${style}</style>
<h1>A year of flights: what served, beside version ${report.frozenVersion} kept frozen</h1>
${charts(report)}${ledgerTable(report)}${driftTable(report)}${countsTable(report)}
${report.comparison.leftOut === 0 ? '' : `<p>${report.comparison.leftOut} answers are not compared: version ${report.frozenVersion} takes features that were not read for them.</p>`}
<p>${escapeHtml(report.command)}, ${(report.wallClockMs / 60_000).toFixed(1)} minutes on ${escapeHtml(report.machine)}.</p></html>
`;
}

function charts({ comparison, ledger, monitor }: FlightsReport): string {
  const months = comparison.byMonth.filter((m) => m.served.rows >= CHARTED_ROWS_MIN);
  const labels = months.map((m) => m.slice);
  const pair = (title: string, pick: (m: (typeof months)[number]['served']) => number | null): string =>
    lineChart({
      title,
      labels,
      series: [
        { name: 'served', color: SERVED, values: months.map((m) => pick(m.served)) },
        { name: 'frozen', color: FROZEN, values: months.map((m) => pick(m.other)) },
      ],
    });
  return `<h2>Ranking and calibration by month</h2>
${pair('AUC (higher is better)', (m) => m.auc)}
${pair('log loss (lower is better)', (m) => m.logLoss)}
${pair('calibration error (lower is better)', (m) => m.calibrationError)}
${lineChart({
  title: 'mean score and share of late flights',
  labels,
  series: [
    { name: 'served', color: SERVED, values: months.map((m) => m.served.meanScore) },
    { name: 'frozen', color: FROZEN, values: months.map((m) => m.other.meanScore) },
    { name: 'late', color: TRUTH, values: months.map((m) => m.served.baseRate) },
  ],
})}
${lineChart({
  title: 'weekly PSI of the score; a mark is a promotion',
  labels: monitor.map((w) => new Date(w.from).toISOString().slice(5, 10)),
  digits: 2,
  marks: promotionMarks(monitor, ledger),
  series: [{ name: 'score PSI', color: SERVED, values: monitor.map((w) => w.predictionPsi) }],
})}`;
}

/** A promotion is drawn at the first window in which its version was champion. */
function promotionMarks(
  monitor: FlightsReport['monitor'],
  ledger: FlightsReport['ledger'],
): { position: number; text: string }[] {
  const promoted = new Set(ledger.filter((e) => e.action === 'promote').map((e) => e.version));
  return monitor.flatMap((window, i) =>
    window.version !== monitor[i - 1]?.version && promoted.has(window.version)
      ? [{ position: i, text: `v${window.version}` }]
      : [],
  );
}

function ledgerTable({ ledger }: FlightsReport): string {
  const rows = ledger.map(
    (e) =>
      `<tr><td class="time">${stamp(e.at)}</td><td class="text">${escapeHtml(e.action)}</td><td>${e.version ?? ''}</td><td class="text">${escapeHtml(e.actor)}</td><td class="text">${escapeHtml(e.reason)}</td></tr>`,
  );
  const trained = retrainings(ledger).map(
    (r) =>
      `<tr><td>v${r.version}</td><td class="text time">${stamp(r.at)}</td><td class="text">${escapeHtml(r.trigger)}</td><td class="text">${escapeHtml(`${r.verdict}: ${r.reason}`)}</td></tr>`,
  );
  return `<h2>Every training, why it began and how it ended</h2><table><tr><th>version</th><th class="text">when</th><th class="text">trigger</th><th class="text">verdict</th></tr>${trained.join('')}</table>
<details><summary>The ledger: each step, with who and why</summary><table><tr><th>when</th><th class="text">action</th><th>version</th><th class="text">who</th><th class="text">why</th></tr>${rows.join('')}</table></details>`;
}

function driftTable({ monitor }: FlightsReport): string {
  const worst = driftByFeature(monitor).slice(0, DRIFT_FEATURES);
  const rows = worst.map(({ name }) => {
    const cells = monitor.map((window) => {
      const psi = window.featurePsi[name] ?? 0;
      const strength = Math.min(1, psi / (2 * PSI_LARGE));
      return `<td style="background:rgba(194,87,26,${strength.toFixed(2)})" title="${escapeHtml(`${name}, week of ${new Date(window.from).toISOString().slice(0, 10)}: ${psi.toFixed(3)}`)}"></td>`;
    });
    return `<tr><td>${escapeHtml(name)}</td>${cells.join('')}</tr>`;
  });
  return `<h2>Drift by feature and week (PSI; full colour at ${2 * PSI_LARGE})</h2><table class="heat">${rows.join('')}</table>`;
}

function countsTable(report: FlightsReport): string {
  const totals = totalsOf(report.balance);
  const rows = report.balance.map(
    (s) =>
      `<tr><td>${escapeHtml(s.source)}</td><td>${s.sent}</td><td>${s.stored}</td><td>${s.deadLetters}</td><td>${s.duplicates}</td></tr>`,
  );
  const ms = (value: number | null): string => (value === null ? '-' : value.toFixed(1));
  return `<h2>Events in and accounted for: ${totals.balanced ? 'balanced' : 'NOT balanced'}</h2>
<table><tr><th>source</th><th>sent</th><th>stored</th><th>dead letters</th><th>redeliveries</th></tr>${rows.join('')}</table>
<h2>Predictions</h2><table><tr><th>answered</th><th>failed</th><th>asked again</th><th>stored</th><th>p50 ms</th><th>p95 ms</th><th>p99 ms</th><th>fresh p50 ms</th><th>fresh p99 ms</th></tr>
<tr><td>${report.predictions.answered}</td><td>${report.predictions.failed}</td><td>${report.predictions.askedAgain}</td><td>${report.predictions.stored}</td><td>${ms(report.latencyMs.p50)}</td><td>${ms(report.latencyMs.p95)}</td><td>${ms(report.latencyMs.p99)}</td><td>${ms(report.freshnessMs.p50)}</td><td>${ms(report.freshnessMs.p99)}</td></tr></table>`;
}
