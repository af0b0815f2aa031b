import { h, svg } from './dom.mjs';
import { dayMonth, fixed, utcDay } from './format.mjs';
import { empty, panel } from './pieces.mjs';
import { labelStep, PSI_STEPS, psiLevel } from './scale.mjs';

const ROWS_SHOWN = 20;
const ROW_HEIGHT = 20;
const GAP = 1.5;
const AXIS = 22;
/** Between the score and the features. */
const SCORE_GAP = 6;
const LABEL_WIDTH = 46;
const SCORE = 'the score itself';

/** PSI of every feature in every window against the reference profile of the version that served it. */
export function drift({ reports, monitor }, { hover, hoverFeature, all }, width) {
  const found = reports ?? [];
  const features = rank(found);
  const shown = all ? features : features.slice(0, ROWS_SHOWN);
  return panel(
    'drift',
    'Drift, feature by window',
    { class: 'span-7 tall', aside: legend() },
    found.length === 0
      ? empty('Nothing to compare yet: drift is measured when a window closes.')
      : h(
          'div',
          { class: 'heat' },
          h(
            'p',
            { class: 'note heat-readout', 'aria-live': 'off' },
            readout(found, features, monitor, hover, hoverFeature),
          ),
          heat(found, [scoreRow(found), ...shown], monitor, hover, width),
          features.length > ROWS_SHOWN
            ? h(
                'button',
                {
                  type: 'button',
                  class: 'quiet',
                  'data-action': 'all-features',
                  'aria-expanded': String(all),
                },
                all ? `Show the ${ROWS_SHOWN} that drifted most` : `Show all ${features.length} features`,
              )
            : null,
        ),
  );
}

/** Features by their highest PSI, the worst first. */
function rank(reports) {
  const names = [...new Set(reports.flatMap((report) => Object.keys(report.featurePsi)))];
  return names
    .map((name) => ({ name, values: reports.map((report) => report.featurePsi[name] ?? null) }))
    .map((feature) => ({ ...feature, worst: Math.max(...feature.values.map((value) => value ?? 0)) }))
    .sort((a, b) => b.worst - a.worst || (a.name < b.name ? -1 : 1));
}

const scoreRow = (reports) => {
  const values = reports.map(({ predictionPsi }) => predictionPsi);
  return { name: SCORE, values, worst: Math.max(...values.map((value) => value ?? 0)) };
};

function heat(reports, rows, { ignoreDrift }, hover, width) {
  const names = Math.min(230, Math.max(150, width * 0.34));
  const cell = (width - names) / reports.length;
  const height = rows.length * ROW_HEIGHT + AXIS + SCORE_GAP;
  const every = labelStep(reports.length, width - names, LABEL_WIDTH);
  return svg(
    'svg',
    {
      class: 'heat-map',
      viewBox: `0 0 ${width} ${height}`,
      height,
      role: 'img',
      tabindex: '0',
      'aria-label': `Population stability index of ${rows.length - 1} features and of the score over ${reports.length} windows. Most: ${rows
        .slice(1, 4)
        .map(({ name, worst }) => `${name} ${fixed(worst, 2)}`)
        .join(', ')}. Left and right arrow move through the windows.`,
      'data-windows': reports.length,
      'data-left': names + cell / 2,
      'data-step': cell,
    },
    rows.map((feature, at) =>
      featureRow(feature, {
        names,
        cell,
        top: at * ROW_HEIGHT + (at > 0 ? SCORE_GAP : 0),
        isIgnored: ignoreDrift.includes(feature.name),
      }),
    ),
    hover === null || hover >= reports.length
      ? null
      : svg('rect', {
          class: 'column',
          x: names + hover * cell,
          y: 0,
          width: cell,
          height: height - AXIS,
          rx: 2,
        }),
    reports.map(({ from }, i) =>
      i % every === 0
        ? svg(
            'text',
            { class: 'tick', x: names + (i + 0.5) * cell, y: height - 6, 'text-anchor': 'middle' },
            dayMonth(from),
          )
        : null,
    ),
  );
}

/** One line of cells; `top`, `names` and `cell` are pixels. */
const featureRow = ({ name, values }, { names, cell, top, isIgnored }) => [
  svg(
    'text',
    {
      class: `feature ${isIgnored ? 'ignored' : ''} ${name === SCORE ? 'score' : ''}`,
      x: names - 8,
      y: top + 14,
      'text-anchor': 'end',
    },
    fit(name, names),
    svg('title', null, `${name}${isIgnored ? ': reported, but not counted towards a retraining' : ''}`),
  ),
  values.map((value, i) =>
    svg('rect', {
      class: `cell l${value === null ? 'x' : psiLevel(value)}`,
      x: (names + i * cell + GAP / 2).toFixed(1),
      y: top + GAP / 2,
      width: Math.max(1, cell - GAP).toFixed(1),
      height: ROW_HEIGHT - GAP,
      rx: 2,
      'data-feature': name,
    }),
  ),
];

/** The end of a name tells more than its beginning. */
function fit(name, width) {
  const most = Math.floor((width - 12) / 6.3);
  return name.length <= most ? name : `…${name.slice(name.length - most + 1)}`;
}

function readout(reports, features, { featurePsi, driftedFeatures }, hover, hoverFeature) {
  const report = reports[Math.min(hover ?? Infinity, reports.length - 1)];
  const days = `${utcDay(report.from)} to ${utcDay(report.to)}`;
  const feature = features.find(({ name }) => name === hoverFeature);
  if (feature !== undefined)
    return `${days}: ${feature.name} has a PSI of ${fixed(report.featurePsi[feature.name], 3)}`;
  return `${days}: ${report.driftedFeatures} features over ${featurePsi}, retraining is asked for from ${driftedFeatures} on; score PSI ${fixed(report.predictionPsi, 3)}`;
}

const legend = () =>
  h(
    'span',
    { class: 'scale', 'aria-label': `Colours: PSI below ${PSI_STEPS[0]}, then from ${PSI_STEPS.join(', ')}` },
    'PSI ',
    ['0', ...PSI_STEPS].map((step, level) => h('span', { class: `swatch l${level}` }, String(step))),
  );
