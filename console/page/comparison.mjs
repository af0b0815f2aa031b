import { h } from './dom.mjs';
import { count, fixed, percent } from './format.mjs';
import { panel, problemsOf, row, table, versionTag } from './pieces.mjs';

const columns = [
  ['Of', 'name'],
  ['Answers', 'number'],
  ['Flips', ''],
  ['To positive', 'number wide'],
  ['To negative', 'number wide'],
  ['Mean score distance', ''],
  ['p95', 'number wide'],
  ['Most', 'number wide'],
];

/** A bar is this much wider than what is allowed, so that one can go beyond. */
const SCALE = 1.6;

/** A shadow's answers beside the champion's to the same requests, over all and in the segments that are furthest. */
export function comparison({ comparison: found, problems }) {
  const unread = problemsOf(problems, 'comparison');
  if (found === null) return unread.length === 0 ? null : panel('comparison', "A shadow's answers", { class: 'span-12' }, unread);
  const { version, isRunning, bounds } = found;
  const { overall, segments, ks, judgedSegments } = found.comparison;
  const all = { flips: bounds.maxFlipRate, distance: bounds.maxMeanScoreDistance };
  const each = { flips: bounds.maxSegmentFlipRate, distance: bounds.maxSegmentMeanScoreDistance };
  return panel(
    'comparison',
    ["A shadow's answers ", versionTag(version, 'shadow')],
    {
      class: 'span-12',
      aside: h(
        'span',
        { class: 'aside' },
        `beside the champion's to the same requests, in the ${isRunning ? 'running' : 'last'} rollout · the mark is what is allowed`,
      ),
    },
    table(`Answers of version ${version} in the shadow`, columns, [
      comparedRow('all', 'all', overall, all, true),
      ...segments.map((segment) => comparedRow(`${segment.field} ${segment.isRest} ${segment.value}`, nameOf(segment), segment, each, segment.answers >= bounds.segmentAnswersMin)),
    ]),
    h(
      'p',
      { class: 'note below' },
      `Kolmogorov-Smirnov distance of the scores ${fixed(ks, 3)}. ${count(judgedSegments)} segments have the ${count(bounds.segmentAnswersMin)} answers to be judged; those nearest to their bounds are shown. A breach is what chance does not explain.`,
    ),
  );
}

const nameOf = ({ field, value, isRest }) => (isRest ? `${field}: all others` : value === null ? `${field} is null` : `${field} = ${value}`);

function comparedRow(key, name, { answers, toPositive, toNegative, meanDistance, p95Distance, maxDistance }, allowed, isJudged) {
  const flips = answers === 0 ? 0 : (toPositive + toNegative) / answers;
  return row(key, { class: isJudged ? '' : 'unjudged', title: isJudged ? null : 'too few answers to be judged' }, columns, [
    name,
    count(answers),
    bar(flips, allowed.flips, percent(flips)),
    count(toPositive),
    count(toNegative),
    bar(meanDistance ?? 0, allowed.distance, fixed(meanDistance, 3)),
    fixed(p95Distance, 3),
    fixed(maxDistance, 3),
  ]);
}

/** A figure as a bar, with a mark where it would be too much. */
const bar = (value, allowed, text) =>
  h(
    'span',
    { class: `bound-bar ${value > allowed ? 'beyond' : ''}`, title: `allowed is ${allowed}` },
    h(
      'span',
      { class: 'track', 'aria-hidden': 'true' },
      h('span', { class: 'fill', style: { width: `${share(value, allowed)}%` } }),
      h('span', { class: 'mark-at', style: { left: `${100 / SCALE}%` } }),
    ),
    text,
  );

/** Of the bar's width, in percent. Where nothing is allowed, anything fills it. */
const share = (value, allowed) => (value === 0 ? 0 : allowed === 0 ? 100 : Math.min(100, (100 * value) / (allowed * SCALE)));
