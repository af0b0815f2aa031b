import type { BackfillEstimate } from '../src/store/estimate-backfill.ts';
import type { Plan, PlanStep } from '../src/store/plan-project.ts';
import type { PlannedProject } from './apply-project.ts';
import { renderTable } from './table.ts';

/** What a script wants to know of a plan. */
export const planDocument = (
  { steps, problems, modelsTouched, views }: Plan,
  estimates: PlannedProject['estimates'] = {},
) => ({
  steps,
  problems,
  modelsTouched,
  backfills: Object.entries(estimates).map(([of, estimate]) => {
    const [view, version] = of.split('/');
    return { view, version: Number(version), ...estimate };
  }),
  kept: views.kept.map(({ version: { name, version }, why }) => ({ view: name, version, why })),
});

export function describePlan({ plan, estimates, rowsPerSecond }: PlannedProject): string {
  const steps =
    plan.steps.length === 0
      ? 'Nothing to do: the project is applied as it is.'
      : plan.steps.map(describeStep).join('\n');
  return [
    steps,
    ...describeBackfills(estimates, rowsPerSecond),
    ...describeModels(plan),
    ...describeKept(plan),
    ...plan.problems.map(({ code, message }) => `Can't be applied: ${message} (${code})`),
  ].join('\n\n');
}

const ACTION_WIDTH = 'recompute'.length;
const KIND_WIDTH = 'featureService'.length;
const NAME_WIDTH = 24;
const LINE_WIDTH_MAX = 80;

/** One line, or a second one for the detail: a plan is read before it is applied, so nothing of it is cut. */
function describeStep({ action, kind, name, detail }: PlanStep): string {
  const head = `${action.padEnd(ACTION_WIDTH)}  ${kind.padEnd(KIND_WIDTH)}  ${name.padEnd(NAME_WIDTH)}`;
  return head.length + detail.length + 2 <= LINE_WIDTH_MAX
    ? `${head}  ${detail}`
    : `${head.trimEnd()}\n${' '.repeat(ACTION_WIDTH + KIND_WIDTH + 4)}${detail}`;
}

function describeBackfills(estimates: PlannedProject['estimates'], rowsPerSecond: number): string[] {
  const all = Object.entries(estimates);
  if (all.length === 0) return [];
  const table = renderTable(
    [
      { title: 'RECOMPUTE' },
      { title: 'ROWS', align: 'right' },
      { title: 'KEYS', align: 'right' },
      { title: 'REDIS', align: 'right' },
      { title: 'MINUTES', align: 'right' },
    ],
    all.map(([of, { rows, rowsHow, keys, keysHow, stateBytes, minutes }]) => [
      of.replace('/', ' version '),
      `${about(rowsHow)}${formatCount(rows)}`,
      `${about(keysHow)}${formatCount(keys)}`,
      `~${formatBytes(stateBytes)}`,
      `~${formatMinutes(minutes)}`,
    ]),
  );
  return [`${table}\n${all.map(([, estimate]) => howEstimated(estimate, rowsPerSecond))[0] ?? ''}`];
}

const howEstimated = ({ sampleRows, rowsPerSecond }: BackfillEstimate, limit: number): string =>
  [
    `Measured by folding the newest ${formatCount(sampleRows)} rows on this machine: ${formatCount(rowsPerSecond)} rows`,
    `a second, writes to Redis not counted. The backfill reads at most ${formatCount(limit)}`,
    'rows of the log a second, once for each partition of the view. ~ is an estimate.',
  ].join('\n');

/** What happens to the models whose definitions, or whose views, change. */
function describeModels({ modelsTouched, pinned, recompute, views }: Plan): string[] {
  const changed = [...recompute, ...views.start, ...views.flipBack];
  const lines = modelsTouched.map((model) => {
    const reading = pinned
      .filter((version) => version.model === model && version.why === 'champion')
      .flatMap((champion) =>
        changed
          .filter(
            ({ name, version }) =>
              champion.views[name] !== undefined && champion.views[name] !== version,
          )
          .map(
            ({ name, version }) =>
              `version ${champion.modelVersion} (champion) goes on reading ${name} version ${champion.views[name] ?? ''}; train it again once version ${version} is current`,
          ),
      );
    return reading.length === 0 ? `  ${model}` : reading.map((text) => `  ${model}: ${text}`).join('\n');
  });
  return lines.length === 0 ? [] : [`Models touched:\n${lines.join('\n')}`];
}

function describeKept({ views }: Plan): string[] {
  if (views.kept.length === 0) return [];
  const lines = views.kept.map(({ version: { name, version }, why }) => `  ${name} version ${version}: ${why}`);
  return [`Replaced versions that are kept:\n${lines.join('\n')}`];
}

const about = (how: 'counted' | 'estimated'): string => (how === 'counted' ? '' : '~');
const formatCount = (count: number): string => Math.round(count).toLocaleString('en-US');
const formatMinutes = (minutes: number): string => (minutes < 0.1 ? '0.1' : minutes.toFixed(1));

function formatBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let at = 0;
  let value = bytes;
  while (value >= 1_024 && at < units.length - 1) {
    value /= 1_024;
    at += 1;
  }
  return `${at === 0 ? Math.round(value) : value.toFixed(1)} ${units[at] ?? ''}`;
}
