import { z } from 'zod';
import type { Field } from '../../../src/define/field.ts';
import { EVENT_ID_LENGTH_MAX, NUMBER_MAGNITUDE_MAX, TEXT_LENGTH_MAX } from '../../../src/fold/parse-row.ts';
import type { ServedModel } from '../../served-model.ts';
import { answeringProgram } from '../describe-model.ts';
import { predictBody } from '../parse-predict-request.ts';
import { instant } from '../request-options.ts';
import { predictOperation } from './native-operations.ts';
import type { Operation } from './operation.ts';

const typeOf: Readonly<Record<Field['type'], z.ZodType>> = {
  string: z.string().max(TEXT_LENGTH_MAX),
  number: z.number().min(-NUMBER_MAGNITUDE_MAX).max(NUMBER_MAGNITUDE_MAX),
  boolean: z.boolean(),
  timestamp: instant,
};

/** Predictions of one model: instances have the fields that GET /v1/models/{model} lists. */
export function predictOf(model: ServedModel, instancesMax: number): Operation {
  const instance = instanceOf(model);
  const instances = z.array(instance).min(1).max(instancesMax);
  return {
    ...predictOperation,
    path: predictOperation.path.replace('{model}', encodeURIComponent(model.name)),
    summary: `Scores instances of model ${model.name}; each answer is a decision that is stored.`,
    body: { ...predictOperation.body, schema: predictBody.extend({ instances: instances.optional(), instance: instance.optional() }) },
  };
}

function instanceOf(model: ServedModel): z.ZodType {
  const { examples } = model.definition;
  const { requestSchema } = answeringProgram(model);
  // Fields that may come along: those of the example's event, and those that a version to come will take.
  const others = [...Object.keys(examples.source.schema), ...Object.keys(model.program.requestSchema)];
  return z.strictObject({
    ...Object.fromEntries(others.map((name) => [name, z.unknown().optional()])),
    ...Object.fromEntries(Object.entries(requestSchema).map(([name, field]) => [name, schemaOf(field)])),
    [examples.id]: requestSchema[examples.id]?.nullable === false ? exampleId : exampleId.nullable().optional(),
  });
}

const exampleId = z.string().min(1).max(EVENT_ID_LENGTH_MAX);

function schemaOf({ type, nullable }: Field): z.ZodType {
  return nullable ? typeOf[type].nullable().optional() : typeOf[type];
}
