import { h } from './dom.mjs';
import { clock, day } from './format.mjs';
import { empty, panel, problemsOf, versionTag } from './pieces.mjs';

const NOTES_SHOWN = 7;

const phases = {
  idle: ['idle', 'Nothing is asked for. The monitor watches.'],
  training: ['training', 'A new version is being trained.'],
  'rolling-out': ['rolling out', 'A candidate earns its traffic.'],
  'rolling-back': ['changing', 'What serves is being changed as an operator asked.'],
  paused: ['paused', 'No training or rollout begins until it is resumed.'],
  'awaiting-approval': ['awaiting approval', 'A candidate passed every step and waits for a person.'],
};

export const phasePill = (lifecycle) =>
  lifecycle === null
    ? h('span', { class: 'pill unknown' }, 'lifecycle not known')
    : h(
        'span',
        { class: `pill ${lifecycle.phase}`, title: phases[lifecycle.phase][1] },
        phases[lifecycle.phase][0],
      );

/** What the lifecycle workflow says of itself: its phase and its newest notes. */
export function lifecycle({ lifecycle: present, problems }) {
  const state = present?.state ?? null;
  const notes = present === null ? [] : [...present.history].reverse().slice(0, NOTES_SHOWN);
  return panel(
    'lifecycle',
    'Lifecycle now',
    { class: 'span-7', aside: state === null ? null : h('span', { class: 'aside' }, `cycle ${state.cycle}`) },
    problemsOf(problems, 'lifecycle', 'history'),
    state === null && !problems.some(({ what }) => what === 'lifecycle')
      ? empty("The lifecycle workflow does not run. 'millrace start' or 'millrace apply' starts it.")
      : null,
    state === null
      ? null
      : h(
          'p',
          { class: 'phase' },
          phasePill(state),
          ' ',
          phases[state.phase][1],
          state.candidate === null ? null : [' Candidate: ', versionTag(state.candidate, 'canary')],
        ),
    notes.length === 0
      ? null
      : h(
          'ol',
          { class: 'notes' },
          notes.map(({ at, what, version, why }) =>
            h(
              'li',
              { 'data-key': `${at} ${what} ${version}` },
              h('time', { datetime: new Date(at).toISOString(), title: day(at) }, clock(at)),
              h(
                'span',
                null,
                h('b', null, what),
                version === null ? null : [' ', versionTag(version)],
                h('span', { class: 'why' }, ` ${why}`),
              ),
            ),
          ),
        ),
  );
}

const moods = {
  promote: 'good',
  rollback: 'bad',
  restore: 'bad',
  shadow: 'shadow',
  canary: 'canary',
  verify: 'shadow',
  register: 'plain',
};
const moodOf = ({ action, details }) =>
  action === 'verdict' && details.verdict !== 'promoted'
    ? 'bad'
    : action.includes('failed')
      ? 'bad'
      : (moods[action] ?? 'plain');

/** Who changed what in production, when and why: the ledger, newest first. */
export function timeline({ ledger, problems }, pages) {
  const entries = pages.entries();
  return panel(
    'timeline',
    'Ledger',
    { class: 'span-5 tall', aside: h('span', { class: 'aside' }, 'who changed what in production, and why') },
    problemsOf(problems, 'ledger'),
    ledger !== null && entries.length === 0 ? empty('Nothing was changed yet.') : null,
    entries.length === 0 ? null : entryList(entries, pages.before()),
  );
}

/** Oldest last; a day is named where it begins. `before` asks for older ones. */
function entryList(entries, before) {
  let lastDay = null;
  return h(
    'ol',
    { class: 'timeline', tabindex: '0', 'aria-label': 'Ledger, newest first' },
    entries.map((entry) => {
      const today = day(entry.at);
      const heading = today === lastDay ? null : h('span', { class: 'day' }, today);
      lastDay = today;
      return ledgerEntry(entry, heading);
    }),
    before === null
      ? null
      : h(
          'li',
          { class: 'more', 'data-key': 'more' },
          h(
            'button',
            { type: 'button', class: 'quiet', 'data-action': 'older-ledger', 'data-before': before },
            'Older entries',
          ),
        ),
  );
}

const ledgerEntry = (entry, heading) =>
  h(
    'li',
    { class: `entry ${moodOf(entry)}`, 'data-key': `entry ${entry.seq}` },
    heading,
    h('time', { datetime: new Date(entry.at).toISOString() }, clock(entry.at)),
    h(
      'div',
      { class: 'entry-body' },
      h(
        'span',
        { class: 'entry-head' },
        h('b', null, entry.action),
        entry.version === null ? null : [' ', versionTag(entry.version)],
      ),
      h('span', { class: 'why' }, entry.reason),
      h(
        'span',
        { class: 'note', title: `entry ${entry.seq}, hash ${entry.hash}` },
        `${entry.actor} · #${entry.seq}`,
      ),
    ),
  );
