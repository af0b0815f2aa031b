import { h, svg } from './dom.mjs';
import { clock, span } from './format.mjs';

/** Who this is, which model is looked at, where else to look, and whether what is shown is fresh. */
export const header = ({ overview, selected, connection }, isLost, now) => [
  h(
    'div',
    { class: 'brand' },
    svg(
      'svg',
      { viewBox: '0 0 32 32', class: 'mark', 'aria-hidden': 'true' },
      svg('path', { d: 'M4 12c4-5 8-5 12 0s8 5 12 0M4 21c4-5 8-5 12 0s8 5 12 0' }),
    ),
    h('h1', null, 'Millrace'),
    overview === null
      ? null
      : h('span', { class: 'project', title: `namespace ${overview.namespace}` }, overview.project),
  ),
  overview === null || overview.models.length < 2
    ? null
    : h(
        'nav',
        { 'aria-label': 'Models' },
        overview.models.map(({ model }) =>
          h(
            'a',
            {
              href: `#${encodeURIComponent(model)}`,
              'aria-current': model === selected ? 'page' : null,
              'data-key': model,
            },
            model,
          ),
        ),
      ),
  overview === null ? null : links(overview.addresses),
  state(connection, isLost, now),
];

const links = ({ temporalUi, serving, gateway }) =>
  h(
    'nav',
    { class: 'links', 'aria-label': 'Elsewhere' },
    temporalUi === null ? null : link(temporalUi, 'Temporal UI'),
    link(`${serving}/v1/models`, 'Serving'),
    link(`${serving}/metrics`, 'Metrics'),
    h(
      'span',
      { class: 'note', title: `Events are sent to ${gateway}/v1/events/<source>` },
      `gateway ${gateway.replace(/^https?:\/\//, '')}`,
    ),
  );

const link = (address, text) => h('a', { href: address, target: '_blank', rel: 'noreferrer' }, text);

/** Said aloud only when it changes: the seconds are for the eye. */
function state({ heardAt }, isLost, now) {
  const text = isLost ? 'connection lost' : heardAt === null ? 'connecting' : 'live';
  return h(
    'div',
    { class: `connection ${isLost ? 'lost' : 'live'}` },
    h('span', { class: 'lamp', 'aria-hidden': 'true' }),
    h('span', { role: 'status' }, text),
    heardAt === null
      ? null
      : h(
          'span',
          { class: 'note', 'aria-hidden': 'true' },
          !isLost ? clock(heardAt) : `no answer for ${span(now - heardAt)}; asking again`,
        ),
  );
}
