import type { Names } from '../contracts/names.ts';
import { MillraceError } from '../core/millrace-error.ts';
import type { Field } from '../define/field.ts';
import type { Project } from '../define/project.ts';
import type { Source } from '../define/source.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import type { KafkaClient, TopicSpec } from '../infra/kafka.ts';
import type { Postgres } from '../infra/postgres.ts';
import { derivationProblems, type DerivationDefinition } from './derived/derivation-definition.ts';
import { readIngestPositions } from './ingest-positions.ts';
import { IDENTIFIER_BYTES_MAX, reservedFieldNames } from './log-table.ts';
import {
  definitionsOf,
  programsOf,
  readDefinitions,
  type AppliedDefinition,
  type Definition,
} from './project-definitions.ts';
import { projectTopics } from './project-topics.ts';

export interface PlanStep {
  readonly action: 'create' | 'alter' | 'recompute';
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
  readonly definitions: readonly Definition[];
  /** New views whose source has history. */
  readonly recompute: readonly ViewProgram[];
}

export interface PlanProblem {
  readonly code: 'PLAN_VIEW_CHANGED' | 'PLAN_SOURCE_INCOMPATIBLE' | 'PLAN_TOPIC_INCOMPATIBLE';
  readonly message: string;
}

export interface PlanDeps {
  readonly postgres: Postgres;
  readonly kafka: KafkaClient;
  readonly names: Names;
}

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
  const sourceChanges = project.sources.map((source) =>
    compareSource(source, appliedOf({ kind: 'source', name: source.name, version: 1 })),
  );
  const newColumns = sourceChanges.flatMap((change) => change.newColumns);
  const newViews = programs.filter(
    (p) => appliedOf({ kind: 'featureView', name: p.name, version: p.version }) === undefined,
  );
  const recompute = await withHistory(deps.postgres, newViews);
  return {
    topics,
    newSources,
    newColumns,
    definitions,
    recompute,
    problems: [
      ...sourceChanges.flatMap((change) => change.problems),
      ...changed.filter((d) => d.kind === 'featureView' && appliedOf(d) !== undefined).map(viewChanged),
      ...specs
        .filter((s) => (present.get(s.topic) ?? s.partitions) !== s.partitions)
        .map((s) => topicChanged(s, present.get(s.topic) ?? 0)),
    ],
    steps: [
      ...topics.map((t): PlanStep => ({
        action: 'create',
        kind: 'topic',
        name: t.topic,
        detail: `${t.partitions} partitions`,
      })),
      ...newSources.map((s): PlanStep => ({
        action: 'create',
        kind: 'log',
        name: `log.${s.name}`,
        detail: `${Object.keys(s.schema).length} fields`,
      })),
      ...newColumns.map((c): PlanStep => ({
        action: 'alter',
        kind: 'column',
        name: `log.${c.source}.${c.name}`,
        detail: `new, ${c.field.type}, null for events of the past`,
      })),
      ...changed.map((d): PlanStep => ({
        action: appliedOf(d) === undefined ? 'create' : 'alter',
        kind: d.kind,
        name: d.name,
        detail: d.kind === 'featureView' ? `version ${d.version}` : d.digest.slice(0, 12),
      })),
      ...recompute.map((p): PlanStep => ({
        action: 'recompute',
        kind: 'featureView',
        name: p.name,
        detail: `version ${p.version} from the offline log`,
      })),
    ],
    modelsTouched: modelsTouched(project, changed),
  };
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

async function withHistory(postgres: Postgres, views: readonly ViewProgram[]): Promise<ViewProgram[]> {
  const found: ViewProgram[] = [];
  for (const view of views) {
    const positions = await readIngestPositions(postgres, view.view.source.name);
    if (positions.some((position) => position.nextOffset > 0)) found.push(view);
  }
  return found;
}

interface SourceChange {
  readonly newColumns: Plan['newColumns'];
  readonly problems: readonly PlanProblem[];
}

interface AppliedDerivation {
  readonly derivation?: DerivationDefinition;
}

/** Settings of a source that can't change under the events that it has. */
const FIXED_SETTINGS = ['id', 'eventTime', 'knownTime', 'partitions', 'changes'] as const;

function compareSource(source: Source, applied: AppliedDefinition | undefined): SourceChange {
  const problem = (text: string): PlanProblem => ({
    code: 'PLAN_SOURCE_INCOMPATIBLE',
    message: `Source '${source.name}': ${text}`,
  });
  const problems = [source.name, ...Object.keys(source.schema)]
    .filter((name) => Buffer.byteLength(name) > IDENTIFIER_BYTES_MAX)
    .map((name) => problem(`the name '${name}' has more than ${IDENTIFIER_BYTES_MAX} bytes. Shorten it.`));
  for (const name of Object.keys(source.schema).filter((field) => reservedFieldNames.has(field))) {
    problems.push(problem(`the field '${name}' has the name of a column of the offline log. Rename it.`));
  }
  if (applied === undefined) return { newColumns: [], problems };
  const before = applied.definition as unknown as Source & AppliedDerivation;
  problems.push(...derivationProblems(source, before.derivation).map(problem));
  for (const setting of FIXED_SETTINGS) {
    if (before[setting] !== source[setting]) {
      problems.push(
        problem(
          `${setting} was '${before[setting] ?? false}' and is now '${source[setting] ?? false}'. Keep it, or make a new source.`,
        ),
      );
    }
  }
  for (const [name, field] of Object.entries(before.schema)) {
    const now = source.schema[name];
    if (now === undefined)
      problems.push(problem(`the field '${name}' is gone. Keep it, or make a new source.`));
    else if (now.type !== field.type || now.nullable !== field.nullable) {
      problems.push(
        problem(
          `the field '${name}' was ${textOf(field)} and is now ${textOf(now)}. Keep it, or add a field of another name.`,
        ),
      );
    }
  }
  const added = Object.entries(source.schema).filter(([name]) => before.schema[name] === undefined);
  for (const [name] of added.filter(([, field]) => !field.nullable)) {
    problems.push(
      problem(
        `the new field '${name}' is required, but the events of the past don't have it. Make it nullable.`,
      ),
    );
  }
  return { newColumns: added.map(([name, field]) => ({ source: source.name, name, field })), problems };
}

const textOf = (field: Field): string => `${field.nullable ? 'nullable ' : ''}${field.type}`;

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
