import { h } from './dom.mjs';
import { clock, count, day, fixed, milliseconds, NONE, percent, quantity, utcMinute } from './format.mjs';
import { empty, panel, problemText, row, table, versionTag } from './pieces.mjs';

const columns = [
  ['Answered', 'name'],
  ['Example', 'wide'],
  ['Version', ''],
  ['Score', 'score-cell'],
  ['Outcome', ''],
  ['Latency', 'number'],
];

/** The newest predictions of a model; each opens with its row, its fences and its time. */
export function decisions(page, isLive) {
  const found = page?.decisions ?? [];
  return panel(
    'decisions',
    'Latest decisions',
    { class: 'span-7', aside: pager(page, isLive) },
    page?.problem === undefined ? null : problemText(page.problem),
    page !== null && page.problem === undefined && found.length === 0
      ? empty('No prediction was asked for yet.')
      : null,
    found.length === 0 ? null : table('Latest decisions, newest first', columns, found.map(decisionRow)),
  );
}

const pager = (page, isLive) =>
  h(
    'span',
    { class: 'aside' },
    isLive
      ? null
      : h('button', { type: 'button', class: 'quiet', 'data-action': 'newest-decisions' }, 'Newest'),
    page?.before === null || page?.before === undefined
      ? null
      : h(
          'button',
          { type: 'button', class: 'quiet', 'data-action': 'older-decisions', 'data-before': page.before },
          'Older',
        ),
  );

const decisionRow = (decision) =>
  row(decision.id, null, columns, [
    h(
      'button',
      {
        type: 'button',
        class: 'link',
        'data-action': 'open-decision',
        'data-id': decision.id,
        title: `${day(decision.servedAt)} ${decision.id}`,
        'aria-label': `Decision ${decision.id}, answered ${clock(decision.servedAt)}`,
      },
      clock(decision.servedAt),
    ),
    decision.exampleId ?? NONE,
    h(
      'span',
      { class: 'nowrap' },
      versionTag(decision.version, roleOfVariant(decision.variant)),
      decision.variant === 'champion' ? null : h('span', { class: 'note' }, ` ${decision.variant}`),
    ),
    scoreBar(decision.score),
    outcome(decision.label),
    milliseconds(decision.totalMs),
  ]);

/** Of an arm of an experiment its variant is its name. */
const roleOfVariant = (variant) => (variant.includes('/') ? 'arm' : variant);

const scoreBar = (score) =>
  h(
    'span',
    { class: 'score-bar' },
    h(
      'span',
      { class: 'score-track', 'aria-hidden': 'true' },
      h('span', { class: 'score-fill', style: { width: `${(score * 100).toFixed(1)}%` } }),
    ),
    fixed(score, 3),
  );

const outcome = (label) =>
  label === null
    ? h('span', { class: 'note' }, 'not known')
    : h('span', { class: label ? 'outcome yes' : 'outcome' }, String(label));

/** A decision whole. */
export function drawer(decision, servingUrl) {
  if (decision === null) return [];
  const close = h(
    'button',
    { type: 'button', class: 'quiet', 'data-action': 'close-drawer', autofocus: true },
    'Close',
  );
  if (decision.problem !== undefined) {
    return [
      h('div', { class: 'drawer-head' }, h('h3', { id: 'drawer-title' }, 'Decision'), close),
      problemText(decision.problem),
    ];
  }
  return [
    h(
      'div',
      { class: 'drawer-head' },
      h('h3', { id: 'drawer-title' }, `Decision ${decision.exampleId ?? ''}`),
      close,
    ),
    h('p', { class: 'mono note' }, decision.id),
    h(
      'dl',
      { class: 'facts drawer-facts' },
      fact('Score', fixed(decision.score, 4)),
      fact(
        'Answer',
        decision.score >= decision.threshold
          ? `true (from ${decision.threshold} on)`
          : `false (below ${decision.threshold})`,
      ),
      fact('Outcome', decision.label === null ? 'not known' : String(decision.label)),
      fact('Version', versionTag(decision.version, roleOfVariant(decision.variant)), ` ${decision.variant}`),
      fact('As of', `${utcMinute(decision.asOf)} UTC`),
      fact('Answered', clock(decision.servedAt)),
      decision.shadow === null
        ? null
        : fact(
            'Shadow',
            versionTag(decision.shadow.version, 'shadow'),
            ` ${fixed(decision.shadow.score, 4)}`,
          ),
    ),
    latency(decision.latencyMs),
    views(decision),
    group(
      'Request',
      'fields',
      Object.entries(decision.instance).map(([name, value]) => [
        name,
        value === null ? 'null' : String(value),
        value === null,
      ]),
    ),
    h('p', { class: 'note' }, 'Bundle ', h('code', null, decision.digest)),
    h(
      'p',
      { class: 'note' },
      'The same from serving: ',
      h('code', null, `curl ${servingUrl}/v1/decisions/${decision.id}`),
    ),
  ];
}

const fact = (name, ...value) => h('div', null, h('dt', null, name), h('dd', null, value));

function latency({ features, queue, compute, total }) {
  const rest = Math.max(0, total - features - queue - compute);
  const parts = [
    ['features', features],
    ['queue', queue],
    ['compute', compute],
    ['rest', rest],
  ];
  const whole = Math.max(total, features + queue + compute, 1e-9);
  return h(
    'div',
    { class: 'latency' },
    h('h4', null, `Latency ${milliseconds(total)}`),
    h(
      'div',
      { class: 'latency-bar', 'aria-hidden': 'true' },
      parts.map(([name, ms]) =>
        h('span', { class: name, style: { width: `${((ms / whole) * 100).toFixed(2)}%` } }),
      ),
    ),
    h(
      'ul',
      { class: 'legend' },
      parts.map(([name, ms]) =>
        h(
          'li',
          { class: name },
          `${name} ${milliseconds(ms)} `,
          h('span', { class: 'note' }, percent(ms / whole)),
        ),
      ),
    ),
  );
}

/** Features under the view that they were read from, with the fence of that read. */
function views({ numbers, categories, reads }) {
  const viewOf = (name) => reads.find(({ view }) => name.startsWith(`${view}.`)) ?? null;
  const without = numbers.filter(({ name }) => viewOf(name) === null);
  return [
    h('h4', null, 'The row that was scored'),
    reads.map((read) => {
      const own = numbers.filter(({ name }) => viewOf(name) === read);
      return group(
        `${read.view}`,
        `${keyText(read.entityKey)} · version ${read.version} · fence ${fenceText(read.fence)} · known to ${utcMinute(read.newestKnownTime)}`,
        own.map(({ name, value }) => [name.slice(read.view.length + 1), quantity(value), value === null]),
      );
    }),
    group(
      'On demand and request',
      'numbers',
      without.map(({ name, value }) => [name, quantity(value), value === null]),
    ),
    group(
      'Categories',
      'as encoded',
      categories.map(({ name, value, known }) => [
        name,
        value === null ? 'null' : `${value}${known ? '' : ' (unknown to training)'}`,
        value === null,
      ]),
    ),
  ];
}

/** The parts of an entity key lie behind one another with a separator that nobody sees. */
const keyText = (key) => (key === null || key === '' ? 'no key' : key.split('\u001f').join(', '));

const fenceText = (fence) => {
  const partitions = Object.entries(fence);
  return partitions.length === 0
    ? 'empty'
    : partitions.map(([partition, offset]) => `${partition}:${count(offset)}`).join(' ');
};

const group = (title, note, rows) =>
  rows.length === 0
    ? null
    : h(
        'section',
        { class: 'row-group' },
        h('h5', null, title, h('span', { class: 'note' }, ` ${note}`)),
        h(
          'dl',
          null,
          rows.map(([name, value, isNull]) =>
            h('div', null, h('dt', null, name), h('dd', { class: isNull ? 'null' : null }, value)),
          ),
        ),
      );
