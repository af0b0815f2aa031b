import { parseDuration } from '../../core/duration.ts';
import { fieldIn, type FieldType } from '../field.ts';
import type { Model } from '../model.ts';
import { requestSchemaOf } from '../request-schema.ts';
import type { Source } from '../source.ts';
import { checkDuration, DURATION_MAX_MS } from './check-duration.ts';
import { checkDefinitionName, checkWholeNumber, quoted } from './check-names.ts';
import { checkAudit, checkMonitor, checkRollout, checkTrainer } from './check-policies.ts';
import { checkServing } from './check-serving.ts';
import { checkShadowBounds } from './check-shadow-bounds.ts';
import { enumerate, ProblemList } from './problem-list.ts';

const SEED_MAX = 2 ** 31 - 1;
const MINUTE_MS = 60_000;

export function checkModel(model: Model): readonly string[] {
  const problems = new ProblemList(`Model '${model.name}'`);
  checkDefinitionName(model.name, problems);
  for (const [role, { source }] of Object.entries({ examples: model.examples, label: model.label })) {
    if (source.changes !== true) continue;
    problems.add(
      `expected ${role}.source as a source of events, found '${source.name}', whose rows change: a decision was made on what was known then. Send ${role === 'label' ? 'labels' : 'decisions'} as events, where the newest one of an id counts.`,
    );
  }
  checkExamples(model, problems);
  checkField(model.label.source, 'label.id', model.label.id, 'string', problems);
  checkField(model.label.source, 'label.value', model.label.value, 'boolean', problems);
  checkSegments(model, problems);
  checkDuration('split.holdout', model.split.holdout, { fromMs: MINUTE_MS, toMs: DURATION_MAX_MS }, problems);
  checkDuration('split.gap', model.split.gap, { fromMs: 0, toMs: DURATION_MAX_MS }, problems);
  if (model.trainingWindow !== null) {
    checkDuration(
      'trainingWindow',
      model.trainingWindow,
      { fromMs: MINUTE_MS, toMs: DURATION_MAX_MS },
      problems,
    );
  }
  checkWholeNumber('seed', model.seed, { from: 0, to: SEED_MAX }, problems);
  checkTrainer(model.trainer, problems.about('trainer'));
  checkMonitor(model.monitor, problems.about('monitor'));
  checkIgnoreDrift(model, problems.about('monitor'));
  checkRollout(model.rollout, problems.about('rollout'));
  checkShadowBounds(model, problems.about('rollout'));
  if (model.serving !== undefined) checkServing(model.serving, problems.about('serving'));
  if (model.audit !== null) checkAudit(model.audit, problems.about('audit'));
  return problems.all;
}

function checkExamples(model: Model, problems: ProblemList): void {
  const { source, id, decisionTime } = model.examples;
  checkField(source, 'examples.id', id, 'string', problems);
  checkField(source, 'examples.decisionTime.field', decisionTime.field, 'timestamp', problems);
  if (fieldIn(source.schema, decisionTime.field)?.nullable === true) {
    problems.add(
      `expected decision time '${decisionTime.field}' of source '${source.name}' to be never null, found a nullable field. Use another field.`,
    );
  }
  const offset = decisionTime.offset.startsWith('-') ? decisionTime.offset.slice(1) : decisionTime.offset;
  if (parseDuration(offset) === undefined) {
    problems.add(
      `expected examples.decisionTime.offset as a duration such as '-30m' or '0s', found ${quoted(decisionTime.offset)}. Correct it.`,
    );
  }
  for (const [name, wanted] of Object.entries(requestSchemaOf(model.service))) {
    const found = fieldIn(source.schema, name);
    const expected = `expected request field '${name}' of feature service '${model.service.name}' (${wanted.type}) in example source '${source.name}'`;
    if (found === undefined) {
      problems.add(
        `${expected}, found no such field. Add it to the source, or rename it to what the source has.`,
      );
    } else if (found.type !== wanted.type) {
      problems.add(`${expected}, found a ${found.type}. Give both the same type.`);
    } else if (found.nullable && !wanted.nullable) {
      problems.add(
        `${expected} to be never null, found a nullable field. Make the request's field nullable.`,
      );
    }
  }
}

function checkField(
  source: Source,
  role: string,
  name: string,
  type: FieldType,
  problems: ProblemList,
): void {
  const able = Object.keys(source.schema).filter((field) => source.schema[field]?.type === type);
  const given = fieldIn(source.schema, name);
  if (given?.type === type) return;
  const found =
    given === undefined ? `no field ${quoted(name)}` : `${given.type} '${name}'`;
  problems.add(
    `expected ${role} as a ${type} field of source '${source.name}', found ${found}. Fields that can be it: ${enumerate(able)}.`,
  );
}

/** Evaluation is cut by categories: the request features that are texts. */
function checkSegments(model: Model, problems: ProblemList): void {
  const { request } = model.service;
  const categories = Object.keys(request).filter((name) => request[name]?.type === 'string');
  for (const segment of model.segments) {
    if (!categories.includes(segment)) {
      problems.add(
        `expected segments among the string request features of feature service '${model.service.name}', found '${segment}'. Use some of ${enumerate(categories)}, or add it to the service's request.`,
      );
    }
  }
}

function checkIgnoreDrift(model: Model, problems: ProblemList): void {
  const { views, onDemand, request } = model.service;
  const features = new Set([
    ...views.flatMap((view) => Object.keys(view.features).map((name) => `${view.name}.${name}`)),
    ...onDemand.map((feature) => feature.name),
    ...Object.keys(request),
  ]);
  for (const name of model.monitor.ignoreDrift) {
    if (!features.has(name)) {
      problems.add(
        `expected ignoreDrift to name features of feature service '${model.service.name}', found '${name}'. Correct or remove it.`,
      );
    }
  }
}
