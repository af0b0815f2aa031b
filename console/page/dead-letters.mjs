import { h } from './dom.mjs';
import { utcMinute } from './format.mjs';
import { empty, panel, problemText, row, table } from './pieces.mjs';

const columns = [
  ['Source', 'name'],
  ['Place', 'number'],
  ['Cause', ''],
  ['Known', 'number wide'],
];

/** Events that could not be taken, newest first, each with its payload. */
export const deadLetters = (answer) =>
  panel(
    'dead-letters',
    'Dead letters',
    { class: 'span-6', aside: h('span', { class: 'aside' }, 'events that could not be taken') },
    answer?.problem === undefined ? null : problemText(answer.problem),
    answer?.deadLetters?.length === 0 ? empty('None. Every event was taken.') : null,
    answer?.deadLetters?.length > 0
      ? table('Dead letters, newest first', columns, answer.deadLetters.map(letterRow))
      : null,
  );

const letterRow = (letter) =>
  row(`${letter.source} ${letter.partition} ${letter.offset}`, null, columns, [
    letter.source,
    h(
      'span',
      { title: `partition ${letter.partition}, offset ${letter.offset}` },
      `${letter.partition}/${letter.offset}`,
    ),
    h(
      'details',
      { class: 'letter' },
      h('summary', null, h('code', null, letter.code), h('span', { class: 'why' }, ` ${letter.message}`)),
      h('pre', null, letter.payload ?? 'It had no payload.'),
    ),
    `${utcMinute(letter.knownTime)}`,
  ]);
