import type { Allocation } from '../src/contracts/allocation.ts';
import {
  ingestionQueries,
  workflowIds,
  type IngestionStatus,
  type LifecycleState,
} from '../src/contracts/lifecycle.ts';
import { createNames } from '../src/contracts/names.ts';
import { isMillraceError, messageOf } from '../src/core/millrace-error.ts';
import type { BaseConfig } from '../src/infra/base-config.ts';
import { inTime } from '../src/infra/in-time.ts';
import { loadProject } from '../src/infra/load-project.ts';
import { translateTemporalError } from '../src/infra/temporal-error.ts';
import type { ServingReport } from '../src/registry/serving-status.ts';
import { readEventBalance, type SourceBalance } from '../src/store/event-balance.ts';
import { consoleUrlOf, servingGrpcAddressOf } from '../workers/process-urls.ts';
import { readProcesses, type ProcessesState } from '../workers/process-state.ts';
import type { CommandContext } from './command-context.ts';
import { lifecycleOf } from './lifecycle-client.ts';
import { withKafka, withPostgres, withRegistry } from './open-servers.ts';

/** What one server can't tell must not keep the rest from being shown. */
const PART_LIMIT_MS = 10_000;
/** Temporal's client gives up a little later than we do, so that one and the same error tells of it. */
const DEADLINE_SLACK_MS = 500;

export interface ModelStatus {
  readonly model: string;
  readonly lifecycle: LifecycleState | null;
  readonly allocation: Allocation | null;
  readonly serving: readonly ServingReport[];
}

export interface StatusProblem {
  readonly what: string;
  readonly message: string;
  readonly code: string;
}

export interface Status {
  readonly namespace: string;
  readonly processes: ProcessesState | null;
  /** Address of the console; null where no process was started here. */
  readonly consoleUrl: string | null;
  /** `host:port` where serving answers gRPC; null where no process was started here. */
  readonly servingGrpcAddress: string | null;
  readonly models: readonly ModelStatus[];
  readonly ingestion: IngestionStatus | null;
  readonly balance: readonly SourceBalance[];
  /** Parts that could not be read. */
  readonly problems: readonly StatusProblem[];
}

interface Workflows {
  readonly ingestion: IngestionStatus | null;
  readonly lifecycles: ReadonlyMap<string, LifecycleState | null>;
}

type Attempt = <T>(what: string, fallback: T, read: () => Promise<T>) => Promise<T>;

/** Reads all parts side by side; what fails is a problem of its part, never of the whole. */
export async function readStatus(context: CommandContext): Promise<Status> {
  const problems: StatusProblem[] = [];
  const attempt: Attempt = async (what, fallback, read) => {
    try {
      return await read();
    } catch (error) {
      problems.push({
        what,
        message: messageOf(error),
        code: isMillraceError(error) ? error.code : 'UNEXPECTED',
      });
      return fallback;
    }
  };
  const config = await context.config();
  const project = await attempt('project', null, () => loadProject(config.project));
  const modelNames = project?.models.map((model) => model.name) ?? [];
  const sourceNames = project?.sources.map((source) => source.name) ?? [];
  const [processes, workflows, registered, balance] = await Promise.all([
    attempt('processes', null, () => readProcesses(context.options.dataDir)),
    attempt('temporal', null, () => readWorkflows(config, modelNames, attempt)),
    attempt('registry', new Map<string, Registered>(), () =>
      inTime('registry', PART_LIMIT_MS, readRegistered(context, modelNames)),
    ),
    attempt('events', [], () => inTime('events', PART_LIMIT_MS, readBalance(context, sourceNames))),
  ]);
  return {
    namespace: config.namespace,
    processes,
    consoleUrl: processes === null ? null : consoleUrlOf(await context.environment()),
    servingGrpcAddress: processes === null ? null : servingGrpcAddressOf(await context.environment()),
    models: modelNames.map((model) => ({
      model,
      lifecycle: workflows?.lifecycles.get(model) ?? null,
      allocation: registered.get(model)?.allocation ?? null,
      serving: registered.get(model)?.serving ?? [],
    })),
    ingestion: workflows?.ingestion ?? null,
    balance,
    problems,
  };
}

async function readWorkflows(
  config: BaseConfig,
  models: readonly string[],
  attempt: Attempt,
): Promise<Workflows> {
  const { namespace } = config;
  const { connectTemporal } = await import('../src/infra/temporal.ts');
  const { temporalServer } = await import('../src/infra/base-config.ts');
  const temporal = await connectTemporal(temporalServer(config));
  const { client } = temporal;
  const asked: Promise<unknown>[] = [];
  const read = <T>(what: string, query: () => Promise<T>): Promise<T | null> =>
    attempt<T | null>(what, null, async () => {
      const answer = client.withDeadline(Date.now() + PART_LIMIT_MS + DEADLINE_SLACK_MS, query);
      asked.push(answer);
      try {
        return await inTime(what, PART_LIMIT_MS, answer);
      } catch (error) {
        throw translateTemporalError(error, `asking for the ${what}`);
      }
    });
  const reads = Promise.all([
    read('ingestion', () =>
      client.workflow
        .getHandle(workflowIds.ingestion(namespace))
        .query<IngestionStatus>(ingestionQueries.status),
    ),
    Promise.all(
      models.map((model) =>
        read(`lifecycle of '${model}'`, () => lifecycleOf(client, namespace, model).state()),
      ),
    ),
  ]);
  // The client may ask again after we gave up, and throws out of a timer where it finds its connection closed.
  void Promise.allSettled(asked).then(() => temporal.close());
  const [ingestion, lifecycles] = await reads;
  return { ingestion, lifecycles: new Map(models.map((model, at) => [model, lifecycles[at] ?? null])) };
}

interface Registered {
  readonly allocation: Allocation | null;
  readonly serving: readonly ServingReport[];
}

const readRegistered = (
  context: CommandContext,
  models: readonly string[],
): Promise<Map<string, Registered>> =>
  withRegistry(context, async (registry) => {
    const rows = models.map(async (model): Promise<[string, Registered]> => {
      const [allocation, serving] = await Promise.all([
        registry.getAllocation(model),
        registry.liveServing(model),
      ]);
      return [model, { allocation, serving }];
    });
    return new Map(await Promise.all(rows));
  });

const readBalance = (context: CommandContext, sources: readonly string[]): Promise<SourceBalance[]> =>
  withPostgres(context, (postgres, config) =>
    withKafka(context, (kafka) => readEventBalance(postgres, kafka, createNames(config.namespace), sources)),
  );
