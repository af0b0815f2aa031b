import type { Allocation } from '../src/contracts/allocation.ts';
import type { LifecycleEvent, LifecycleState, RolloutPolicy } from '../src/contracts/lifecycle.ts';
import { boundsOf } from '../src/contracts/judge-shadow.ts';
import type { ShadowBounds } from '../src/contracts/shadow-comparison.ts';
import { MillraceError } from '../src/core/millrace-error.ts';
import type { Model, MonitorPolicy } from '../src/define/model.ts';
import { listReports, type StoredReport } from '../src/monitoring/monitor-reports.ts';
import type { LedgerEntry } from '../src/registry/ledger-entry.ts';
import { listAliases, type AliasPointer } from '../src/registry/list-aliases.ts';
import { listLedger } from '../src/registry/list-ledger.ts';
import { listVersionSummaries, type VersionSummary } from '../src/registry/list-version-summaries.ts';
import type { ServingReport } from '../src/registry/serving-status.ts';
import { readRecentTraffic, type VariantTraffic } from '../src/store/recent-traffic.ts';
import type { ConsoleDeps } from './console-deps.ts';
import type { Page } from './http/parse-page.ts';
import type { RolloutComparison } from './lifecycle-reader.ts';
import { PartProblems, type PartProblem } from './part-problems.ts';
import { readLifecycleState, readRegistered } from './read-overview.ts';

const VERSIONS_MAX = 100;
/** Windows of the charts: more would be thinner than a line. */
const REPORTS_MAX = 120;
const TRAFFIC_DECISIONS_MAX = 500;

/** What `GET /api/models/{model}` answers; a part that is null has a problem of its name. */
export interface ModelDocument {
  readonly model: string;
  readonly featureService: string;
  readonly labelSource: string;
  readonly monitor: MonitorPolicy;
  readonly rollout: RolloutPolicy;
  readonly allocation: Allocation | null;
  readonly aliases: readonly AliasPointer[] | null;
  readonly serving: readonly ServingReport[];
  /** Newest first. */
  readonly versions: readonly VersionSummary[] | null;
  /** Null where it does not run, or is a problem. */
  readonly lifecycle: { readonly state: LifecycleState; readonly history: readonly LifecycleEvent[] } | null;
  /** Of the newest rollout; null where it has compared no answers of a shadow, or is a problem. */
  readonly comparison: (RolloutComparison & { readonly bounds: ShadowBounds }) | null;
  /** Newest first; `before` asks for the next page, and is null on the last one. */
  readonly ledger: { readonly entries: readonly LedgerEntry[]; readonly before: number | null } | null;
  /** Oldest first. */
  readonly reports: readonly StoredReport[] | null;
  readonly traffic: readonly VariantTraffic[] | null;
  readonly problems: readonly PartProblem[];
}

/**
 * Reads all that is known of a model side by side.
 * @param page of the ledger
 * @throws MillraceError MODEL_NOT_FOUND
 */
export async function readModel(deps: ConsoleDeps, name: string, page: Page): Promise<ModelDocument> {
  const model = modelNamed(deps, name);
  const { reads, postgres } = deps;
  const problems = new PartProblems();
  const of = <T>(part: string, key: string, read: () => Promise<T>): Promise<T | null> =>
    problems.attempt(part, reads.get(part, key, read));
  const [registered, aliases, versions, lifecycle, comparison, ledger, reports, traffic] = await Promise.all([
    problems.attempt('allocation', readRegistered(deps)),
    of('aliases', name, () => listAliases(postgres, name)),
    of('versions', name, () => listVersionSummaries(postgres, name, VERSIONS_MAX)),
    problems.attempt('lifecycle', readLifecycle(deps, name)),
    of('comparison', name, () => deps.lifecycles.comparison(name)),
    of('ledger', `${name}\n${page.limit}\n${page.before}`, () =>
      listLedger(postgres, name, page.limit, page.before),
    ),
    of('reports', name, () => listReports(postgres, name, REPORTS_MAX)),
    of('traffic', name, () => readRecentTraffic(postgres, name, TRAFFIC_DECISIONS_MAX)),
  ]);
  return {
    model: name,
    featureService: model.service.name,
    labelSource: model.label.source.name,
    monitor: model.monitor,
    rollout: model.rollout,
    allocation: registered?.get(name)?.allocation ?? null,
    aliases,
    serving: registered?.get(name)?.serving ?? [],
    versions,
    lifecycle,
    comparison: comparison === null ? null : { ...comparison, bounds: boundsOf(model.rollout) },
    ledger: ledger === null ? null : { entries: ledger, before: nextBefore(ledger, page.limit) },
    reports,
    traffic,
    problems: problems.list,
  };
}

/** @throws MillraceError MODEL_NOT_FOUND */
export function modelNamed({ project }: ConsoleDeps, name: string): Model {
  const found = project.models.find((model) => model.name === name);
  if (found !== undefined) return found;
  const names = project.models.map((model) => model.name).join(', ') || 'none';
  throw new MillraceError(
    'MODEL_NOT_FOUND',
    `Model '${name.slice(0, 100)}' is not in the project '${project.name}'. It has: ${names}.`,
  );
}

/** Where the page after a full one goes on; a page that is not full is the last. */
export function nextBefore(rows: readonly { readonly seq: number }[], limit: number): number | null {
  return rows.length < limit ? null : (rows.at(-1)?.seq ?? null);
}

async function readLifecycle(deps: ConsoleDeps, name: string): Promise<ModelDocument['lifecycle']> {
  const state = await readLifecycleState(deps, name);
  if (state === null) return null;
  const history = await deps.reads.get(`history of '${name}'`, '', () => deps.lifecycles.history(name));
  return { state, history };
}
