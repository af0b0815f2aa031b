import type { Allocation } from '../src/contracts/allocation.ts';
import type { LifecycleState } from '../src/contracts/lifecycle.ts';
import type { Model } from '../src/define/model.ts';
import type { PartitionOffsets } from '../src/infra/kafka.ts';
import { getAllocation } from '../src/registry/get-allocation.ts';
import { liveServing, type ServingReport } from '../src/registry/serving-status.ts';
import { isFolded, readLiveViews } from '../src/store/live-views.ts';
import { readDecisionAccounts, readSourceAccounts } from '../src/store/source-accounts.ts';
import type { Addresses, ConsoleDeps, SupervisedState } from './console-deps.ts';
import type { Freshness } from './shape/freshness.ts';
import { PartProblems, type PartProblem } from './part-problems.ts';
import { decisionFlow, type DecisionFlow } from './shape/decision-flow.ts';
import { sourceRows, type SourceEnds, type SourceRow } from './shape/source-rows.ts';
import { viewRows, type ViewPositions, type ViewRow } from './shape/view-rows.ts';

export interface ModelOverview {
  readonly model: string;
  readonly allocation: Allocation | null;
  readonly serving: readonly ServingReport[];
  /** Null where it does not run or can't be asked; then `problems` says so. */
  readonly lifecycle: LifecycleState | null;
}

/** What `GET /api/overview` answers. */
export interface Overview {
  readonly project: string;
  readonly namespace: string;
  readonly addresses: Addresses;
  /** What the page appends to the commands that it shows. */
  readonly commandOptions: string;
  readonly sources: readonly SourceRow[];
  readonly views: readonly ViewRow[];
  /** Null where no stream process tells, or none was busy. */
  readonly freshness: Freshness | null;
  readonly decisions: DecisionFlow | null;
  readonly models: readonly ModelOverview[];
  readonly processes: readonly SupervisedState[] | null;
  /** Parts that could not be read; what depends on them is null. */
  readonly problems: readonly PartProblem[];
}

interface Registered {
  readonly allocation: Allocation | null;
  readonly serving: readonly ServingReport[];
}

/** Reads all parts side by side; what fails is a problem of its part, never of the whole. */
export async function readOverview(deps: ConsoleDeps): Promise<Overview> {
  const { project, programs, reads, postgres } = deps;
  const problems = new PartProblems();
  const [accounts, ends, decisionEnds, stored, positions, registered, lifecycles, processes, freshness] =
    await Promise.all([
      problems.attempt(
        'events stored',
        reads.get('events stored', '', () => readSourceAccounts(postgres)),
      ),
      problems.attempt(
        'events sent',
        reads.get('events sent', '', () => readSourceEnds(deps)),
      ),
      problems.attempt(
        'decisions sent',
        reads.get('decisions sent', '', () => deps.kafka.topicOffsets(deps.names.decisionTopic())),
      ),
      problems.attempt(
        'decisions stored',
        reads.get('decisions stored', '', () => readDecisionAccounts(postgres)),
      ),
      problems.attempt(
        'views',
        reads.get('views', '', () => readViewPositions(deps)),
      ),
      problems.attempt('allocations', readRegistered(deps)),
      Promise.all(
        project.models.map(({ name }) =>
          problems.attempt(`lifecycle of '${name}'`, readLifecycleState(deps, name)),
        ),
      ),
      problems.attempt('processes', reads.get('processes', '', deps.readProcesses)),
      problems.attempt(
        'freshness',
        reads.get('freshness', '', () => deps.freshness.read()),
      ),
    ]);
  return {
    project: project.name,
    namespace: deps.names.namespace,
    addresses: deps.addresses,
    commandOptions: deps.commandOptions,
    sources: sourceRows(project.sources, accounts, ends),
    views: viewRows(positions?.map(({ program }) => program) ?? programs, positions, accounts, ends),
    freshness,
    decisions: decisionEnds === null || stored === null ? null : decisionFlow(decisionEnds, stored),
    models: project.models.map((model, at) => ({
      model: model.name,
      allocation: registered?.get(model.name)?.allocation ?? null,
      serving: registered?.get(model.name)?.serving ?? [],
      lifecycle: lifecycles[at] ?? null,
    })),
    processes,
    problems: problems.list,
  };
}

/** Allocations and serving processes of all models. @throws MillraceError STORE_UNAVAILABLE */
export function readRegistered(deps: ConsoleDeps): Promise<ReadonlyMap<string, Registered>> {
  const { postgres, project, reads } = deps;
  return reads.get('allocations', '', async () => {
    const rows = project.models.map(async ({ name }: Model): Promise<[string, Registered]> => {
      const [allocation, serving] = await Promise.all([
        getAllocation(postgres, name),
        liveServing(postgres, name),
      ]);
      return [name, { allocation, serving }];
    });
    return new Map(await Promise.all(rows));
  });
}

/** A query costs a workflow a task: with more models each is asked less often. */
export const readLifecycleState = (deps: ConsoleDeps, model: string): Promise<LifecycleState | null> =>
  deps.reads.get(
    `lifecycle of '${model}'`,
    '',
    () => deps.lifecycles.state(model),
    deps.keepMs * deps.project.models.length,
  );

async function readSourceEnds({ kafka, names, project }: ConsoleDeps): Promise<SourceEnds> {
  const ends = project.sources.map(async ({ name }): Promise<[string, PartitionOffsets[]]> => [
    name,
    await kafka.topicOffsets(names.sourceTopic(name)),
  ]);
  return new Map(await Promise.all(ends));
}

/** Of every version that runs, whichever of them this process' project has. */
async function readViewPositions({ store, postgres, project }: ConsoleDeps): Promise<ViewPositions[]> {
  const live = (await readLiveViews(postgres, project)).filter(isFolded);
  return Promise.all(
    live.map(async ({ program }) => ({ program, positions: await store.readPositions(program) })),
  );
}
