import { h } from './dom.mjs';
import { clock, count, day, fixed, signed, utcDay } from './format.mjs';
import { empty, panel, problemsOf, roleOf, row, table, versionTag } from './pieces.mjs';

const columns = [
  ['Version', 'name'],
  ['AUC', 'number'],
  ['Log loss', 'number'],
  ['To champion', 'number'],
  ['Calibration', 'number wide'],
  ['Trigger', ''],
  ['Data to', 'number wide'],
  ['Rows', 'number wide'],
  ['Registered', 'number wide'],
  ['Digest', 'wide'],
];

/** Every registered version, newest first: its hold-out, and the champion of its time on the same rows. */
export const versions = ({ versions: found, allocation, problems }) =>
  panel(
    'versions',
    'Versions',
    { class: 'span-12', aside: h('span', { class: 'aside' }, 'on the hold-out of their training') },
    problemsOf(problems, 'versions'),
    found === null
      ? null
      : found.length === 0
        ? empty('No version is registered yet.')
        : table(
            'Versions, newest first',
            columns,
            found.map((version) => versionRow(version, allocation)),
          ),
  );

function versionRow(version, allocation) {
  const { candidate, champion, lineage } = version;
  const difference = champion === null || candidate === null ? null : candidate.logLoss - champion.logLoss;
  const role = roleOf(version.version, allocation);
  return row(`v${version.version}`, { class: role ?? '' }, columns, [
    h(
      'span',
      { class: 'nowrap' },
      versionTag(version.version, role),
      role === null ? null : h('span', { class: 'note' }, ` ${role}`),
    ),
    fixed(candidate?.auc, 4),
    fixed(candidate?.logLoss, 4),
    difference === null
      ? h('span', { class: 'note' }, 'first')
      : h(
          'span',
          {
            class: difference <= 0 ? 'good' : 'warn',
            title: `log loss less that of version ${version.championVersion} on the same rows`,
          },
          signed(difference, 4),
        ),
    fixed(candidate?.calibrationError, 3),
    h('span', { title: version.reason }, lineage.trigger),
    h(
      'span',
      {
        title: `trained on events from ${utcDay(lineage.trainingFrom)}; hold-out from ${utcDay(lineage.holdoutFrom)}`,
      },
      utcDay(lineage.dataCut),
    ),
    h(
      'span',
      { title: `${count(lineage.holdoutRows)} rows of hold-out; ${lineage.backend}` },
      count(lineage.trainingRows),
    ),
    h(
      'span',
      { title: `by ${version.registeredBy}` },
      `${day(version.registeredAt)} ${clock(version.registeredAt).slice(0, 5)}`,
    ),
    h('code', { title: version.digest }, version.digest.slice(0, 12)),
  ]);
}
