import { h, svg } from './dom.mjs';
import { clock, count, fixed, milliseconds, percent, span } from './format.mjs';
import { labelTop, lanesOf, layOut, SLOT } from './lanes.mjs';
import { empty, panel, problemsOf, versionTag } from './pieces.mjs';

const WIDTH = 100;

/** Who serves: the requests as a stream that divides by the shares; a shadow gets copies. */
export function allocation(model, now) {
  const lanes = lanesOf(model);
  return panel(
    'serves',
    'Who serves',
    { class: 'span-5', aside: revision(model) },
    problemsOf(model.problems, 'allocation', 'aliases', 'traffic'),
    lanes.length === 0
      ? empty('No version serves yet. The first training promotes one.')
      : h(
          'div',
          { class: 'race', role: 'img', 'aria-label': lanes.map(laneText).join('; ') },
          h(
            'div',
            { class: 'streams' },
            picture(lanes),
            h('span', { class: 'streams-label', style: { top: `${labelTop(lanes)}px` }, 'aria-hidden': 'true' }, 'requests'),
          ),
          h(
            'ul',
            { class: 'lanes', 'aria-hidden': 'true' },
            lanes.map((lane) => laneLabel(lane)),
          ),
        ),
    traffic(model, now),
    releasePath(model),
  );
}

const revision = ({ allocation: present, aliases }) => {
  if (present === null) return null;
  const champion = (aliases ?? []).find(({ alias }) => alias === 'champion');
  return h(
    'span',
    { class: 'aside' },
    `revision ${present.revision}${champion === undefined ? '' : `, champion since ${clock(champion.movedAt)}`}`,
  );
};

const laneText = ({ role, name, version, share }) =>
  role === 'shadow'
    ? `version ${version} is in the shadow: it scores ${share === 1 ? 'copies of the requests' : 'nothing yet'}`
    : `version ${version} is ${role === 'arm' ? `arm ${name}` : `the ${role}`} with ${percent(share)} of the requests`;

function laneLabel({ role, name, version, share, measured }) {
  const facts = [
    role === 'shadow'
      ? share === 1
        ? 'scores copies; its answers are not used'
        : 'is loaded and verified'
      : `${percent(share)} of the requests`,
    measured === undefined ? null : `mean score ${fixed(measured.meanScore, 3)}`,
    measured === undefined ? null : `p50 ${milliseconds(measured.latencyP50Ms)}`,
  ];
  return h(
    'li',
    { class: role, style: { height: `${SLOT}px` } },
    h('span', { class: 'lane-name' }, versionTag(version, role), ` ${name ?? role}`),
    h('span', { class: 'note' }, facts.filter((fact) => fact !== null).join(' · ')),
  );
}

/** The width of a stream is its share; each bends to the middle of its label. */
function picture(lanes) {
  const height = lanes.length * SLOT;
  const streams = layOut(lanes).map(({ role, thick, start }, at) => {
    const to = at * SLOT + (SLOT - thick) / 2;
    return svg('path', { class: `stream ${role}`, d: ribbon(start, to, thick) });
  });
  return svg(
    'svg',
    {
      viewBox: `0 0 ${WIDTH} ${height}`,
      preserveAspectRatio: 'none',
      style: { height: `${height}px` },
      'aria-hidden': 'true',
    },
    // Copies lie under what is answered.
    streams.reverse(),
  );
}

function ribbon(from, to, thick) {
  const bend = (a, b) => `C ${WIDTH * 0.45} ${a} ${WIDTH * 0.5} ${b} ${WIDTH} ${b}`;
  const back = (a, b) => `C ${WIDTH * 0.5} ${a} ${WIDTH * 0.45} ${b} 0 ${b}`;
  return `M 0 ${from} ${bend(from, to)} L ${WIDTH} ${to + thick} ${back(to + thick, from + thick)} Z`;
}

function traffic({ traffic: measured, serving, allocation: present }, now) {
  if (measured === null || measured.length === 0) return null;
  const decisions = measured.reduce((total, { decisions: some }) => total + some, 0);
  const last = Math.max(...measured.map(({ lastAt }) => lastAt));
  const busiest = [...measured].sort((a, b) => b.decisions - a.decisions)[0];
  const behind = serving.filter(
    ({ revision: followed }) => present !== null && followed < present.revision,
  ).length;
  return h(
    'div',
    { class: 'traffic' },
    h('h4', null, `The newest ${count(decisions)} decisions`),
    h(
      'dl',
      { class: 'facts' },
      fact('p50', milliseconds(busiest.latencyP50Ms)),
      fact('p95', milliseconds(busiest.latencyP95Ms)),
      fact('p99', milliseconds(busiest.latencyP99Ms)),
      fact('Last answer', `${span(now - last)} ago`),
      fact(
        'Serving',
        serving.length === 0
          ? 'no process'
          : `${serving.length} ${serving.length === 1 ? 'process' : 'processes'}${behind > 0 ? `, ${behind} behind` : ''}`,
      ),
    ),
  );
}

const fact = (name, value) => h('div', null, h('dt', null, name), h('dd', null, value));

/** The steps by which a candidate earns its traffic, and where one is now. */
function releasePath({ rollout, allocation: present, lifecycle }) {
  const phase = lifecycle?.state.phase ?? null;
  const share = present?.canary?.share ?? null;
  const inShadow = present !== null && present.shadow !== null && share === null;
  const steps = [
    rollout.shadowDecisions > 0 ? ['shadow', `${count(rollout.shadowDecisions)} answers`, inShadow] : null,
    ...rollout.canaryShares.map((step) => [
      `canary ${percent(step)}`,
      `${count(rollout.outcomesPerStep)} outcomes`,
      step === share,
    ]),
    rollout.requireApproval ? ['approval', 'by a person', phase === 'awaiting-approval'] : null,
    ['promote', 'or roll back on a breach', false],
  ].filter((step) => step !== null);
  return h(
    'div',
    { class: 'release' },
    h('h4', null, 'The way of a candidate'),
    h(
      'ol',
      { class: 'steps' },
      steps.map(([name, wants, isNow]) =>
        h(
          'li',
          { class: isNow ? 'now' : null, 'aria-current': isNow ? 'step' : null },
          h('b', null, name),
          h('span', { class: 'note' }, wants),
        ),
      ),
    ),
  );
}
