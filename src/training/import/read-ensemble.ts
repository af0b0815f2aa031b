import { z } from 'zod';
import { ENSEMBLE_STEPS_MAX } from '../../contracts/ensemble.ts';
import { messageOf } from '../../core/millrace-error.ts';
import { importInvalid } from './import-problem.ts';

const name = z.string().min(1).max(200);

const schema = z.strictObject({
  steps: z
    .array(
      z.strictObject({
        name,
        model: name,
        /** Absent, or `champion`: the one that is it now. */
        version: z.union([z.number().int().min(1), z.literal('champion')]).default('champion'),
        /** By the name of the version's input: `step.output`, else an input of the ensemble. */
        inputs: z.record(name, name),
      }),
    )
    .min(1)
    .max(ENSEMBLE_STEPS_MAX),
  /** By the name of the ensemble's output: `step.output`. */
  outputs: z.record(name, name),
});

/** An ensemble as somebody writes it. */
export type WrittenEnsemble = z.infer<typeof schema>;

/** @throws MillraceError MODEL_IMPORT_INVALID with all that is wrong */
export function readEnsemble(model: string, file: string, bytes: Uint8Array): WrittenEnsemble {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw importInvalid(model, file, [`it is no JSON (${messageOf(error)})`]);
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw importInvalid(model, file, parsed.error.issues.map((issue) => `as an ensemble: ${issue.path.join('.') || 'it'}: ${issue.message}`));
}
