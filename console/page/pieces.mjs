import { h } from './dom.mjs';

/** A titled part of the page. */
export const panel = (id, title, options, ...children) =>
  h(
    'section',
    { class: `panel ${options.class ?? ''}`, 'aria-labelledby': `${id}-title`, 'data-key': id },
    h('div', { class: 'panel-head' }, h('h3', { id: `${id}-title` }, title), options.aside ?? null),
    ...children,
  );

/** The problems of the named parts, each in its own words. */
export const problemsOf = (problems, ...names) =>
  (problems ?? [])
    .filter(({ what }) => names.some((name) => what === name || what.startsWith(`${name} of `)))
    .map(problemText);

export const problemText = ({ what, message, code }) =>
  h(
    'p',
    { class: 'problem', role: 'note', 'data-key': `problem ${what ?? code}` },
    what === undefined ? null : h('b', null, `${what[0].toUpperCase()}${what.slice(1)}: `),
    `${message} `,
    h('code', null, code),
  );

export const empty = (text) => h('p', { class: 'empty' }, text);

/** A version with its colour by role: champion, canary, shadow, arm of an experiment or none. */
export const versionTag = (version, role) => h('span', { class: `version ${role ?? ''}` }, `v${version}`);

/** The role that an allocation gives a version now; null for none. */
export function roleOf(version, allocation) {
  if (allocation === null || allocation === undefined) return null;
  if (allocation.champion === version) return 'champion';
  if (allocation.canary?.version === version) return 'canary';
  if ((allocation.experiment?.arms ?? []).some((arm) => arm.version === version)) return 'arm';
  return allocation.shadow === version ? 'shadow' : null;
}

/** A table that scrolls sideways by itself where it does not fit; columns are `[title, class]`. */
export const table = (caption, columns, rows) =>
  h(
    'div',
    { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
    h(
      'table',
      null,
      h('caption', { class: 'unseen' }, caption),
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          columns.map(([title, kind]) => h('th', { scope: 'col', class: kind }, title)),
        ),
      ),
      h('tbody', null, rows),
    ),
  );

export const row = (key, attributes, columns, cells) =>
  h(
    'tr',
    { 'data-key': key, ...attributes },
    cells.map((cell, at) =>
      h(at === 0 ? 'th' : 'td', { scope: at === 0 ? 'row' : null, class: columns[at][1] }, cell),
    ),
  );
