import { h, svg } from './dom.mjs';
import { dayMonth, fixed, utcDay } from './format.mjs';
import { empty, panel, problemsOf, row, table } from './pieces.mjs';
import { labelStep, linePath, niceTicks, tickDigits } from './scale.mjs';

const HEIGHT = 198;
const TOP = 18;
const BOTTOM = 32;
const LEFT = 44;
const RIGHT = 14;
const LABEL_WIDTH = 54;
const TICKS_MAX = 5;

const definitions = [
  {
    id: 'auc',
    title: 'AUC',
    hint: 'higher is better',
    series: [{ name: 'served', className: 'served', pick: (r) => r.auc }],
  },
  {
    id: 'log-loss',
    title: 'Log loss',
    hint: 'lower is better',
    series: [{ name: 'served', className: 'served', pick: (r) => r.logLoss }],
  },
  {
    id: 'mean-score',
    title: 'Mean score beside base rate',
    hint: '',
    series: [
      { name: 'base rate', className: 'truth', pick: (r) => r.baseRate },
      { name: 'mean score', className: 'served', pick: (r) => r.meanScore },
    ],
  },
  {
    id: 'calibration',
    title: 'Calibration error',
    hint: 'lower is better',
    series: [{ name: 'served', className: 'served', pick: (r) => r.calibrationError }],
  },
];

/** What served, window by window of event time. `width` is that of one chart in CSS pixels. */
export function charts({ reports, monitor, problems }, hover, width) {
  const found = reports ?? [];
  return panel(
    'charts',
    'Served, by window of event time',
    {
      class: 'span-12',
      aside: found.length === 0 ? null : h('span', { class: 'aside' }, readout(found, hover)),
    },
    problemsOf(problems, 'reports'),
    reports !== null && found.length === 0
      ? empty(
          `No window has closed yet: each covers ${monitor.window} of event time and waits ${monitor.labelDelay} for its labels.`,
        )
      : null,
    found.length === 0
      ? null
      : h(
          'div',
          { class: 'charts' },
          definitions.map((definition) => chart(definition, found, hover, width)),
        ),
    found.length === 0
      ? null
      : h('details', { class: 'as-table' }, h('summary', null, 'The windows as a table'), windowTable(found)),
  );
}

/** The window under the pointer; the newest where there is none. */
const windowAt = (reports, hover) => reports[Math.min(hover ?? Infinity, reports.length - 1)];

function readout(reports, hover) {
  const report = windowAt(reports, hover);
  return `${utcDay(report.from)} to ${utcDay(report.to)} · v${report.version} · ${report.labelled} of ${report.decisions} decisions labelled${hover === null ? ' · newest' : ''}`;
}

function chart({ id, title, hint, series }, reports, hover, width) {
  const columns = series.map(({ pick }) => reports.map(pick));
  const ticks = niceTicks(
    columns.flat().filter((value) => value !== null),
    TICKS_MAX,
  );
  const digits = Math.max(2, tickDigits(ticks));
  const step = (width - LEFT - RIGHT) / Math.max(1, reports.length - 1);
  const x = (i) => LEFT + (reports.length === 1 ? (width - LEFT - RIGHT) / 2 : i * step);
  const low = ticks[0];
  const high = ticks.at(-1);
  const y = (value) => TOP + (1 - (value - low) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  return h(
    'figure',
    { class: 'chart', 'data-key': id },
    caption(title, hint, series, windowAt(reports, hover)),
    svg(
      'svg',
      {
        viewBox: `0 0 ${width} ${HEIGHT}`,
        height: HEIGHT,
        role: 'img',
        tabindex: '0',
        'aria-label': summary(title, series, reports),
        'data-windows': reports.length,
        'data-left': LEFT,
        'data-step': step,
      },
      ticks.map((tick) => [
        svg('line', { class: 'grid-line', x1: LEFT, x2: width - RIGHT, y1: y(tick), y2: y(tick) }),
        svg(
          'text',
          { class: 'tick', x: LEFT - 8, y: y(tick) + 4, 'text-anchor': 'end' },
          tick.toFixed(digits),
        ),
      ]),
      dates(reports, x, width),
      versionMarks(reports, x, step),
      triggerMarks(reports, x),
      hover === null ? null : hoverLine(x(Math.min(hover, reports.length - 1))),
      series.map(({ className }, i) =>
        svg('path', { class: `line ${className}`, d: linePath(columns[i], x, y) }),
      ),
      series.map(({ className }, i) => dots(columns[i], className, x, y, hover)),
    ),
  );
}

const caption = (title, hint, series, report) =>
  h(
    'figcaption',
    null,
    h('span', { class: 'chart-title' }, title, h('span', { class: 'note' }, ` ${hint}`)),
    h(
      'span',
      { class: 'legend' },
      series.map(({ name, className, pick }) =>
        h(
          'span',
          { class: className },
          series.length > 1 ? `${name} ` : '',
          h('b', null, fixed(pick(report), 3)),
        ),
      ),
    ),
  );

const hoverLine = (x) => svg('line', { class: 'hover-line', x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM });

function dots(values, className, x, y, hover) {
  const marked = hover === null ? values.length - 1 : Math.min(hover, values.length - 1);
  return values.map((value, i) => {
    const isAlone = values[i - 1] === null && values[i + 1] === null;
    if (value === null || (i !== marked && !isAlone && values.length > 1)) return null;
    return svg('circle', { class: `dot ${className}`, cx: x(i), cy: y(value), r: i === marked ? 4 : 2.5 });
  });
}

function dates(reports, x, width) {
  const every = labelStep(reports.length, width - LEFT, LABEL_WIDTH);
  return reports.map(({ from }, i) =>
    i % every === 0 && x(i) < width - LABEL_WIDTH / 2
      ? svg('text', { class: 'tick', x: x(i), y: HEIGHT - 5, 'text-anchor': 'middle' }, dayMonth(from))
      : null,
  );
}

/** Where another version answered most of a window than of the one before. */
const versionMarks = (reports, x, step) =>
  reports.map(({ version }, i) => {
    if (i > 0 && reports[i - 1].version === version) return null;
    const place = i === 0 ? LEFT : x(i) - step / 2;
    return [
      i === 0
        ? null
        : svg('line', { class: 'version-line', x1: place, x2: place, y1: TOP - 4, y2: HEIGHT - BOTTOM }),
      svg('text', { class: 'version-text', x: place + 4, y: TOP - 6 }, `v${version}`),
    ];
  });

/** A window that called for a retraining. */
const triggerMarks = (reports, x) =>
  reports.map(({ trigger }, i) =>
    trigger === null
      ? null
      : svg(
          'path',
          { class: 'trigger', d: `M${x(i) - 4.5} ${HEIGHT - BOTTOM + 10}h9l-4.5 -8z` },
          svg('title', null, `${trigger.trigger}: ${trigger.reason}`),
        ),
  );

function summary(title, series, reports) {
  const said = series.map(({ name, pick }) => {
    const values = reports.map(pick).filter((value) => value !== null);
    return values.length === 0
      ? `${name}: no value`
      : `${name} from ${fixed(Math.min(...values), 3)} to ${fixed(Math.max(...values), 3)}, last ${fixed(values.at(-1), 3)}`;
  });
  return `${title} over ${reports.length} windows; ${said.join('; ')}. Left and right arrow move through the windows.`;
}

const columns = [
  ['Window', 'name'],
  ['Version', 'number'],
  ['Decisions', 'number'],
  ['Labelled', 'number'],
  ['AUC', 'number'],
  ['Log loss', 'number'],
  ['Calibration error', 'number'],
  ['Mean score', 'number'],
  ['Base rate', 'number'],
  ['Score PSI', 'number'],
  ['Drifted', 'number'],
  ['Trigger', ''],
];

const windowTable = (reports) =>
  table(
    'Monitor reports by window, newest first',
    columns,
    [...reports]
      .reverse()
      .map((r) =>
        row(String(r.from), null, columns, [
          `${utcDay(r.from)} to ${utcDay(r.to)}`,
          `v${r.version}`,
          r.decisions,
          r.labelled,
          fixed(r.auc, 4),
          fixed(r.logLoss, 4),
          fixed(r.calibrationError, 4),
          fixed(r.meanScore, 4),
          fixed(r.baseRate, 4),
          fixed(r.predictionPsi, 3),
          r.driftedFeatures,
          r.trigger?.trigger ?? '',
        ]),
      ),
  );
