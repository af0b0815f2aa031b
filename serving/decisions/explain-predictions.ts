import { experimentOf, isArmVariant } from '../../src/contracts/experiment.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { shortList } from '../../src/core/shorten.ts';
import type { ServiceProgram } from '../../src/fold/compile-service.ts';
import { ageOf } from '../../src/fold/fresh-read.ts';
import { fenceOf } from '../../src/fold/view-state.ts';
import type { ServiceRows } from '../features/read-rows.ts';
import { answeringProgram } from '../http/describe-model.ts';
import type { Explanation, Prediction, PredictInclude } from '../prediction.ts';
import { experimentPoint } from '../router/arm-routes.ts';
import { keyFieldsOf } from '../router/key-fields.ts';
import { splitKeys, splitPoint } from '../router/split-point.ts';
import type { ServedModel } from '../served-model.ts';
import type { AnsweredRequest } from './build-decision.ts';

/** @throws FEATURE_NOT_FOUND naming each feature asked for that the model does not take */
export function checkInclude(model: ServedModel, { features }: PredictInclude): void {
  if (!Array.isArray(features)) return;
  const known = new Set(namesOf(answeringProgram(model)));
  const unknown = (features as readonly string[]).filter((name) => !known.has(name));
  if (unknown.length === 0) return;
  throw new MillraceError('FEATURE_NOT_FOUND', `Model '${model.name}' takes no feature ${shortList(unknown)}. GET /v1/models/${model.name} lists numericNames and categories.`);
}

/** Predictions with what their caller wants to know besides: all of it was there already when they were made. */
export function explainPredictions(request: AnsweredRequest, include: PredictInclude): Prediction[] {
  const { model, predictions, made } = request;
  return predictions.map((prediction, i) => {
    const read = made[i] as ServiceRows;
    return {
      ...prediction,
      ...(include.features === undefined || include.features === false ? {} : { features: featuresOf(read, i, include.features) }),
      ...(include.ages === true ? { views: viewsOf(read, i, request.asOf) } : {}),
      ...(include.explanation === true ? { explanation: explanationOf(request, model, read, prediction, i) } : {}),
    };
  });
}

const namesOf = ({ numericNames, categoryNames }: ServiceProgram): string[] => [...numericNames, ...categoryNames];

/** As the model took them: numbers are float32, and null where the model got NaN. */
function featuresOf({ program, rows }: ServiceRows, i: number, wanted: true | readonly string[]): Record<string, number | string | null> {
  const { numericNames, categoryNames } = program;
  const isWanted = (name: string): boolean => wanted === true || wanted.includes(name);
  const found: Record<string, number | string | null> = {};
  numericNames.forEach((name, n) => {
    const value = rows.numbers[i * numericNames.length + n] as number;
    if (isWanted(name)) found[name] = Number.isNaN(value) ? null : value;
  });
  categoryNames.forEach((name, c) => {
    if (isWanted(name)) found[name] = rows.categories[i * categoryNames.length + c] ?? null;
  });
  return found;
}

const viewsOf = ({ program: { views }, states }: ServiceRows, i: number, asOf: number) =>
  views.map((view, v) => {
    const state = states[i * views.length + v] ?? null;
    return { view: view.name, version: view.version, ageMs: ageOf(view, state, asOf) };
  });

function explanationOf({ asOf, latencyMs }: AnsweredRequest, model: ServedModel, { program, instances, states }: ServiceRows, { version, variant }: Prediction, i: number): Explanation {
  const { row = {}, exampleId = null } = instances[i] ?? {};
  const { champion, canary } = model.router.routes;
  const keyFields = champion?.keyFields ?? keyFieldsOf(program);
  // Without a key and an example the point was drawn, and is not kept.
  const isDrawn = keyFields.length === 0 && exampleId === null;
  const keys = splitKeys(keyFields, row, exampleId, () => '');
  const experiment = isArmVariant(variant) ? experimentOf(variant) : null;
  const target = model.router.loaded.find((loaded) => loaded.version === version);
  return {
    asOf,
    threshold: target?.signature.threshold ?? null,
    split: {
      by: keyFields.length === 0 ? [model.definition.examples.id] : keyFields,
      point: isDrawn ? null : experiment === null ? splitPoint(model.name, keys) : experimentPoint(model.name, experiment, keys),
      canaryShare: canary?.share ?? null,
      experiment,
    },
    fences: Object.fromEntries(
      program.views.map(({ name }, v) => {
        const state = states[i * program.views.length + v] ?? null;
        return [name, state === null ? null : fenceOf(state)];
      }),
    ),
    latencyMs: latencyMs[i] ?? null,
  };
}
