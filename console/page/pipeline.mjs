import { h, svg } from './dom.mjs';
import { clock, count, milliseconds, NONE, rate, span, utcMinute } from './format.mjs';
import { panel, problemsOf, row, table } from './pieces.mjs';
import { linePath } from './scale.mjs';

const SPARK_WIDTH = 120;
const SPARK_HEIGHT = 30;

const sum = (rows, name) =>
  rows.some((row) => row[name] === null) ? null : rows.reduce((total, row) => total + row[name], 0);

/** Events from the log to the views, and predictions out: whether all is accounted for and how far each is behind. */
export function pipeline(overview, rates, now) {
  const { sources, views, problems } = overview;
  return h(
    'div',
    { class: 'band', 'data-key': 'band' },
    h('h2', { class: 'unseen' }, 'Pipeline'),
    flow(overview, rates),
    problemsOf(
      problems,
      'events sent',
      'events stored',
      'views',
      'decisions sent',
      'decisions stored',
      'processes',
      'freshness',
    ),
    h(
      'div',
      { class: 'grid' },
      h(
        'div',
        { class: 'span-6 stack fill', 'data-key': 'left' },
        panel('sources', 'Sources', {}, sourceTable(sources, now)),
        panel('processes', 'Processes', {}, processes(overview, now)),
      ),
      panel('views', 'Feature views', { class: 'span-6' }, viewTable(views)),
    ),
  );
}

function flow({ sources, views, decisions, freshness }, rates) {
  const sent = sum(sources, 'sent');
  const dead = sum(sources, 'deadLetters');
  const missing = sum(sources, 'missing');
  const known = views.filter(({ behindEvents }) => behindEvents !== null);
  const behind = known.filter(({ behindEvents }) => behindEvents > 0);
  return h(
    'ol',
    { class: 'flow', 'aria-label': 'The path of an event' },
    stage(
      'Events in',
      count(sent),
      `${rate(rates.events.at(-1))} a second`,
      'plain',
      spark(rates.events, 'Events a second'),
    ),
    stage(
      'Accounted for',
      missing === null ? NONE : missing === 0 ? 'all' : count(sent - missing),
      missing === null
        ? 'not known'
        : missing === 0
          ? `${count(sum(sources, 'stored'))} stored, ${count(sum(sources, 'duplicates'))} sent twice, ${count(dead)} dead`
          : `${count(missing)} on the way or missing`,
      missing === null ? 'plain' : missing === 0 ? 'good' : 'busy',
    ),
    stage(
      'In the features',
      known.length < views.length
        ? NONE
        : behind.length === 0
          ? 'all'
          : `${views.length - behind.length} of ${views.length}`,
      known.length < views.length
        ? 'not known'
        : behind.length === 0
          ? `${views.length} ${views.length === 1 ? 'view is' : 'views are'} up to date`
          : `views up to date; at most ${count(Math.max(...behind.map((view) => view.behindEvents)))} events behind`,
      known.length < views.length ? 'plain' : behind.length === 0 ? 'good' : 'busy',
      freshnessNote(freshness),
    ),
    stage(
      'Decisions',
      count(decisions?.stored ?? null),
      decisions === null
        ? 'not known'
        : `${rate(rates.decisions.at(-1))} a second${decisions.waitingMessages > 0 ? ', more on the way' : ', all stored'}`,
      'plain',
      spark(rates.decisions, 'Decisions a second'),
    ),
  );
}

/** How long an event takes from the broker until a prediction can see it. */
const freshnessNote = (freshness) =>
  freshness === null
    ? null
    : h(
        'span',
        {
          class: 'side',
          title: `From the broker to the features, ${count(freshness.batches)} batches ${freshness.overMs === null ? 'since the stream process started' : `in the last ${span(freshness.overMs)}`}`,
        },
        h('span', { class: 'note' }, 'visible after'),
        h('span', null, 'p50 ', h('b', null, milliseconds(freshness.p50Ms))),
        h('span', null, 'p99 ', h('b', null, milliseconds(freshness.p99Ms))),
      );

const stage = (title, figure, note, mood, picture = null) =>
  h(
    'li',
    { class: `stage ${mood}` },
    h('span', { class: 'stage-title' }, title),
    h('span', { class: 'figure' }, figure),
    picture,
    h('span', { class: 'note' }, note),
  );

/** What this page saw since it was opened. */
function spark(values, name) {
  const found = values.filter((value) => value !== null);
  if (found.length < 2) return null;
  const most = Math.max(1, ...found);
  const x = (at) => (at / (values.length - 1)) * SPARK_WIDTH;
  const y = (value) => SPARK_HEIGHT - 2 - (value / most) * (SPARK_HEIGHT - 4);
  return svg(
    'svg',
    {
      class: 'spark',
      viewBox: `0 0 ${SPARK_WIDTH} ${SPARK_HEIGHT}`,
      preserveAspectRatio: 'none',
      role: 'img',
    },
    svg('title', null, `${name} since the page was opened, at most ${rate(most)}`),
    svg('path', { class: 'spark-line', d: linePath(values, x, y), 'vector-effect': 'non-scaling-stroke' }),
  );
}

const sourceColumns = [
  ['Source', 'name'],
  ['Sent', 'number'],
  ['Stored', 'number'],
  ['Twice', 'number wide'],
  ['Dead', 'number'],
  ['Missing', 'number'],
  ['Newest event known', 'number wide'],
];

const sourceTable = (sources, now) =>
  table(
    'Sources and where their events went',
    sourceColumns,
    sources.map((source) =>
      row(source.source, null, sourceColumns, [
        source.source,
        count(source.sent),
        count(source.stored),
        count(source.duplicates),
        marked(source.deadLetters, 'warn'),
        marked(source.missing, 'warn'),
        newest(source, now),
      ]),
    ),
  );

/** A carried known time is of history: its age by this clock would say nothing. */
function newest({ newestKnownTime, knownTime }, now) {
  if (newestKnownTime === null) return NONE;
  const text = knownTime === 'carried' ? utcMinute(newestKnownTime) : `${span(now - newestKnownTime)} ago`;
  return h(
    'span',
    {
      title: `${utcMinute(newestKnownTime)} UTC, ${knownTime === 'carried' ? 'as carried by the event' : "the broker's append time"}`,
    },
    text,
  );
}

const marked = (value, mood) => (value > 0 ? h('span', { class: mood }, count(value)) : count(value));

const viewColumns = [
  ['View', 'name'],
  ['Version', 'number wide roomy'],
  ['Entity', 'wide'],
  ['Partitions', 'number wide roomy'],
  ['Features', 'number'],
  ['Behind', 'number'],
  ['Fence', 'number wide'],
];

const viewTable = (views) =>
  table(
    'Feature views and how far each is behind its source',
    viewColumns,
    views.map((view) =>
      row(`${view.view}.${view.version}`, null, viewColumns, [
        view.view,
        view.version,
        view.entity,
        view.partitions,
        view.features,
        view.rebuilding > 0
          ? h('span', { class: 'warn' }, `rebuilding ${view.rebuilding}`)
          : view.behindEvents > 0
            ? `${count(view.behindEvents)} events`
            : view.behindEvents === null
              ? NONE
              : h('span', { class: 'good' }, 'up to date'),
        h(
          'span',
          {
            title: `Known time of its newest event, UTC${view.behindMs > 0 ? `; ${span(view.behindMs)} behind the log` : ''}`,
          },
          utcMinute(view.newestKnownTime),
        ),
      ]),
    ),
  );

function processes({ processes: supervised, models }, now) {
  const serving = [...new Set(models.flatMap((model) => model.serving.map(({ process }) => process)))];
  return h(
    'ul',
    { class: 'chips' },
    (supervised ?? []).map(({ name, status, restarts, since }) =>
      h(
        'li',
        {
          class: `chip ${status === 'running' ? 'good' : 'bad'}`,
          'data-key': name,
          title: `${status} for ${span(now - since)}, since ${clock(since)}`,
        },
        h('b', null, name),
        h(
          'span',
          null,
          status === 'running' ? `up ${span(now - since)}` : status,
          restarts > 0 ? h('span', { class: 'warn' }, `, restarted ${restarts}×`) : null,
        ),
      ),
    ),
    h(
      'li',
      {
        class: `chip ${serving.length > 0 ? 'good' : 'bad'}`,
        'data-key': 'serving reports',
        title: serving.join('\n') || null,
      },
      h('b', null, 'reporting'),
      h(
        'span',
        null,
        `${serving.length === 0 ? 'no' : serving.length} serving ${serving.length === 1 ? 'process' : 'processes'}`,
      ),
    ),
  );
}
