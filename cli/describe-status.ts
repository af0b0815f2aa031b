import type { Experiment } from '../src/contracts/experiment.ts';
import { percent } from '../src/contracts/figures.ts';
import type { ServingReport } from '../src/registry/serving-status.ts';
import type { SourceBalance } from '../src/store/event-balance.ts';
import type { ProcessesState } from '../workers/process-state.ts';
import type { ModelStatus, Status } from './read-status.ts';
import { formatTime, NONE, renderPairs, renderTable } from './table.ts';

const PERCENT = 100;

/** The status for people: processes, models, ingestion, events, and what could not be read. */
export function describeStatus(status: Status): string {
  return [
    section('Processes', describeProcesses(status.processes)),
    ...(status.consoleUrl === null ? [] : [section('Console', status.consoleUrl)]),
    ...(status.servingGrpcAddress === null ? [] : [section('Features, gRPC', status.servingGrpcAddress)]),
    ...status.models.map((model) => section(`Model ${model.model}`, describeModel(model, status.problems))),
    section('Ingestion', describeIngestion(status)),
    ...(status.balance.length === 0 ? [] : [section('Events', describeBalance(status.balance))]),
    ...(status.problems.length === 0
      ? []
      : [
          section(
            'Not known',
            status.problems.map(({ what, message, code }) => `${what}: ${message} (${code})`).join('\n'),
          ),
        ]),
  ].join('\n\n');
}

const section = (title: string, body: string): string => `${title}\n${body.replace(/^/gm, '  ')}`;

function describeProcesses(state: ProcessesState | null): string {
  if (state === null) return "None was started here. Start them with 'millrace start'.";
  return renderTable(
    [
      { title: 'PROCESS' },
      { title: 'STATUS' },
      { title: 'PID', align: 'right' },
      { title: 'RESTARTS', align: 'right' },
      { title: 'SINCE' },
    ],
    state.processes.map(({ name, status, pid, restarts, since }) => [
      name,
      status,
      pid === null ? NONE : String(pid),
      String(restarts),
      formatTime(since),
    ]),
  );
}

function describeModel(
  { model, lifecycle, allocation, serving }: ModelStatus,
  problems: Status['problems'],
): string {
  const unknown = problems.some(({ what }) => what === 'temporal' || what === `lifecycle of '${model}'`);
  const canary = allocation?.canary;
  const last = lifecycle?.lastDecision;
  return renderPairs([
    [
      'lifecycle',
      lifecycle === null
        ? unknown
          ? 'not known'
          : 'not running'
        : `${lifecycle.phase}, cycle ${lifecycle.cycle}`,
    ],
    ['champion', versionOf(allocation?.champion)],
    [
      'canary',
      canary === null || canary === undefined
        ? NONE
        : `version ${canary.version} with ${canary.share * PERCENT} % of the traffic`,
    ],
    ['shadow', versionOf(allocation?.shadow)],
    ...(allocation?.experiment ? [['experiment', describeExperiment(allocation.experiment)] as const] : []),
    ['serving', serving.length === 0 ? 'no process' : serving.map(describeServing).join('; ')],
    ['last', last === null || last === undefined ? NONE : `${formatTime(last.at)} ${last.what}: ${last.why}`],
  ]);
}

const describeExperiment = ({ name, arms, ranges }: Experiment): string =>
  `${name}: ${arms.map((arm) => `${arm.name} version ${arm.version} ${percent(arm.share)}`).join(', ')}${ranges.length === 0 ? '; being loaded' : ''}`;

const versionOf = (version: number | null | undefined): string =>
  version === null || version === undefined ? NONE : `version ${version}`;

function describeServing({ process, revision, loaded, rejected }: ServingReport): string {
  const refused = rejected.map(({ version, reason }) => `, version ${version} rejected: ${reason}`).join('');
  return `${process} at revision ${revision}, loaded ${loaded.join(', ') || 'none'}${refused}`;
}

function describeIngestion({ ingestion, problems }: Status): string {
  if (ingestion === null)
    return problems.some(({ what }) => what === 'temporal' || what === 'ingestion')
      ? 'not known'
      : 'not running';
  const refusal = ingestion.refusals?.at(-1);
  const behind = Object.entries(ingestion.lag).filter(([, messages]) => messages > 0);
  return renderPairs([
    ['state', ingestion.paused ? 'paused' : 'running'],
    ['members', ingestion.running.join(', ') || NONE],
    ['restarts', String(ingestion.restarts)],
    ['lag', Object.keys(ingestion.lag).length === 0 ? NONE : behind.length === 0 ? 'none' : ''],
    ...behind.map(([name, messages]): [string, string] => [`  ${name}`, `${messages} messages`]),
    ...(refusal === undefined ? [] : [['replay refused', `${formatTime(refusal.at)} ${refusal.request?.source ?? ''}: ${refusal.why}`] satisfies [string, string]]),
  ]);
}

function describeBalance(balance: readonly SourceBalance[]): string {
  const right = (title: string) => ({ title, align: 'right' }) as const;
  return renderTable(
    [{ title: 'SOURCE' }, right('SENT'), right('STORED'), right('TWICE'), right('DEAD'), right('MISSING')],
    balance.map(({ source, sent, stored, duplicates, deadLetters, missing }) => [
      source,
      ...[sent, stored, duplicates, deadLetters, missing].map(String),
    ]),
  );
}
