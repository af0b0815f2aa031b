import type { Names } from '../contracts/names.ts';
import type { JsonValue } from '../core/json.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Field } from '../define/field.ts';
import type { Project } from '../define/project.ts';
import type { Source } from '../define/source.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import type { KafkaClient, TopicSpec } from '../infra/kafka.ts';
import type { Postgres } from '../infra/postgres.ts';
import { compareSource, sourceProblem, type AppliedDerivation, type SourceChange } from './compare-source.ts';
import { prunedInputProblems } from './derived/pruned-inputs.ts';
import { readLiveViews } from './live-views.ts';
import { planViews, type PinnedViews, type ViewPlan } from './plan-views.ts';
import {
  definitionsOf,
  programsOf,
  readDefinitions,
  type AppliedDefinition,
  type Definition,
} from './project-definitions.ts';
import { projectTopics } from './project-topics.ts';
import { readViewVersions, type ViewVersion } from './view-versions.ts';

export interface PlanStep {
  readonly action: 'create' | 'alter' | 'recompute' | 'flip' | 'retire' | 'remove';
  readonly kind:
    'topic' | 'log' | 'column' | 'entity' | 'source' | 'featureView' | 'featureService' | 'model';
  readonly name: string;
  readonly detail: string;
}

/** What `apply` would do, and all that stands against it. */
export interface Plan {
  readonly steps: readonly PlanStep[];
  /** Applying is refused while there is one. */
  readonly problems: readonly PlanProblem[];
  /** Models that a changed definition touches. */
  readonly modelsTouched: readonly string[];
  readonly topics: readonly TopicSpec[];
  readonly newSources: readonly Source[];
  readonly newColumns: readonly { readonly source: string; readonly name: string; readonly field: Field }[];
  /** Columns of logs that may be null from now on. */
  readonly loosened: readonly { readonly source: string; readonly name: string }[];
  readonly definitions: readonly Definition[];
  readonly views: ViewPlan;
  /** Views whose source has history and whose states are to be made from it. */
  readonly recompute: readonly ViewProgram[];
  /** Versions of views as they are, before. */
  readonly viewVersions: readonly ViewVersion[];
  /** Model versions that read versions of views. */
  readonly pinned: readonly PinnedViews[];
}

export interface PlanProblem {
  readonly code: 'PLAN_VIEW_CHANGED' | 'PLAN_SOURCE_INCOMPATIBLE' | 'PLAN_TOPIC_INCOMPATIBLE';
  readonly message: string;
}

export interface PlanDeps {
  readonly postgres: Postgres;
  readonly kafka: KafkaClient;
  readonly names: Names;
  /** Which model versions need versions of views, by the registry; absent: nothing is removed. */
  readonly pinnedViews?: (keepMs: number) => Promise<readonly PinnedViews[]>;
  /** How long a version of a view is kept after it was replaced. */
  readonly keepMs?: number;
}

/** How long a replaced version of a view is kept, and with it what model versions of that age need, unless told otherwise. */
export const VIEW_KEEP_MS_DEFAULT = 7 * 86_400_000;

/** Compares a project with what was applied. Changes nothing. */
export async function planProject(project: Project, deps: PlanDeps): Promise<Plan> {
  const programs = programsOf(project);
  const applied = await readDefinitions(deps.postgres);
  const definitions = definitionsOf(project, programs);
  const appliedOf = (d: Pick<Definition, 'kind' | 'name' | 'version'>): AppliedDefinition | undefined =>
    applied.find((a) => a.kind === d.kind && a.name === d.name && a.version === d.version);
  const changed = definitions.filter((d) => appliedOf(d)?.digest !== d.digest);

  const specs = projectTopics(project, programs, deps.names);
  const present = await deps.kafka.topicPartitions(specs.map((spec) => spec.topic));
  const topics = specs.filter((spec) => !present.has(spec.topic));
  const newSources = project.sources.filter(
    (s) => appliedOf({ kind: 'source', name: s.name, version: 1 }) === undefined,
  );
  const sourceChanges = await compareSources(
    project,
    deps.postgres,
    (name) => appliedOf({ kind: 'source', name, version: 1 })?.definition,
  );
  const viewVersions = await readViewVersions(deps.postgres);
  const keepMs = deps.keepMs ?? VIEW_KEEP_MS_DEFAULT;
  const pinned = deps.pinnedViews === undefined ? null : await deps.pinnedViews(keepMs);
  const views = await planViews(deps.postgres, {
    programs,
    applied,
    versions: viewVersions,
    pinned,
    keepMs,
    now: Date.now(),
  });
  const newColumns = sourceChanges.flatMap((change) => change.newColumns);
  const loosened = sourceChanges.flatMap((change) => change.loosened);
  const dropped = sourceChanges.flatMap((change) => change.dropped);
  const runs = (d: Definition): boolean =>
    viewVersions.some((v) => v.name === d.name && v.version === d.version && v.state !== 'gone');
  return {
    topics,
    newSources,
    newColumns,
    loosened,
    definitions,
    views,
    recompute: views.fill,
    viewVersions,
    pinned: pinned ?? [],
    problems: [
      ...sourceChanges.flatMap((change) => change.problems),
      ...changed
        .filter((d) => d.kind === 'featureView' && appliedOf(d) !== undefined && runs(d))
        .map(viewChanged),
      ...specs
        .filter((s) => (present.get(s.topic) ?? s.partitions) !== s.partitions)
        .map((s) => topicChanged(s, present.get(s.topic) ?? 0)),
    ],
    steps: [
      ...resourceSteps(topics, newSources, { newColumns, loosened, dropped }),
      ...changed.map((d): PlanStep => ({
        action: appliedOf(d) === undefined ? 'create' : 'alter',
        kind: d.kind,
        name: d.name,
        detail: d.kind === 'featureView' ? `version ${d.version}` : d.digest.slice(0, 12),
      })),
      ...viewSteps(views, viewVersions),
    ],
    modelsTouched: modelsTouched(project, changed),
  };
}

async function compareSources(
  project: Project,
  postgres: Postgres,
  appliedOf: (name: string) => JsonValue | undefined,
): Promise<SourceChange[]> {
  const live = await readLiveViews(postgres, project);
  const changes: SourceChange[] = [];
  for (const source of project.sources) {
    const applied = appliedOf(source.name);
    const own = live.filter(({ program }) => program.view.source.name === source.name);
    const { problems, ...change } = compareSource(source, applied, own);
    const { derivation } = (applied ?? {}) as AppliedDerivation;
    const pruned = await prunedInputProblems(postgres, source, derivation);
    changes.push({ ...change, problems: [...problems, ...pruned.map((text) => sourceProblem(source, text))] });
  }
  return changes;
}

/** Topics, logs and their columns. */
function resourceSteps(
  topics: readonly TopicSpec[],
  newSources: readonly Source[],
  { newColumns, loosened, dropped }: Omit<SourceChange, 'problems'>,
): PlanStep[] {
  const column = (source: string, name: string, detail: string): PlanStep => ({
    action: 'alter',
    kind: 'column',
    name: `log.${source}.${name}`,
    detail,
  });
  return [
    ...topics.map((t): PlanStep => ({
      action: 'create',
      kind: 'topic',
      name: t.topic,
      detail: counted(t.partitions, 'partition'),
    })),
    ...newSources.map((s): PlanStep => ({
      action: 'create',
      kind: 'log',
      name: `log.${s.name}`,
      detail: counted(Object.keys(s.schema).length, 'field'),
    })),
    ...newColumns.map((c) => column(c.source, c.name, `new, ${c.field.type}, null for events of the past`)),
    ...loosened.map((c) => column(c.source, c.name, 'may be null from now on')),
    ...dropped.map((c) => column(c.source, c.name, 'stays, null for new events')),
  ];
}

function viewSteps(views: ViewPlan, versions: readonly ViewVersion[]): PlanStep[] {
  const currentOf = (name: string): string => {
    const current = versions.find((row) => row.name === name && row.state === 'current');
    return current === undefined ? '' : `, beside version ${current.version}`;
  };
  const step = (action: PlanStep['action'], name: string, detail: string): PlanStep => ({
    action,
    kind: 'featureView',
    name,
    detail,
  });
  return [
    ...views.fill.map(({ name, version }) => {
      const begun = versions.find((row) => row.name === name && row.version === version)?.state;
      const how = begun === undefined || begun === 'gone' ? 'from the offline log' : `going on, it is ${begun}`;
      return step('recompute', name, `version ${version} ${how}${currentOf(name)}`);
    }),
    ...views.flipBack.map(({ name, version }) =>
      step('flip', name, `version ${version} is current again, its states are kept up`),
    ),
    ...views.retire.map(({ name, version, state }) =>
      step('retire', name, `version ${version} is ${state} and no longer in the project`),
    ),
    ...views.remove.map(({ name, version, state }) => {
      const what = state === 'gone' ? 'what is left of it, its removal was cut off' : 'topic, states and definition; no model version needs it';
      return step('remove', name, `version ${version}: ${what}`);
    }),
  ];
}

function modelsTouched(project: Project, changed: readonly Definition[]): string[] {
  const isChanged = (kind: string, name: string): boolean =>
    changed.some((d) => d.kind === kind && d.name === name);
  return project.models
    .filter((model) => {
      const { service } = model;
      const views = [...service.views, ...service.onDemand.flatMap((d) => Object.values(d.views))];
      return (
        isChanged('model', model.name) ||
        isChanged('featureService', service.name) ||
        views.some((view) => isChanged('featureView', view.name))
      );
    })
    .map((model) => model.name);
}

const viewChanged = (definition: Definition): PlanProblem => ({
  code: 'PLAN_VIEW_CHANGED',
  message: `Feature view '${definition.name}' is not what was applied as version ${definition.version}. States of both would mix: raise its version to ${definition.version + 1}.`,
});

const topicChanged = (spec: TopicSpec, found: number): PlanProblem => ({
  code: 'PLAN_TOPIC_INCOMPATIBLE',
  message: `Topic '${spec.topic}' has ${found} partitions, expected ${spec.partitions}. Keys would move: set the definition's partitions to ${found}, or delete the topic.`,
});

/** @throws MillraceError with the first problem's code and all problems in its text */
export function assertPlan(plan: Plan): void {
  const [first] = plan.problems;
  if (first === undefined) return;
  throw new MillraceError(
    first.code,
    `The project can't be applied, nothing was changed: ${plan.problems.map((p) => p.message).join(' ')}`,
  );
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
