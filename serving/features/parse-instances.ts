import { MillraceError } from '../../src/core/millrace-error.ts';
import type { Row } from '../../src/define/field.ts';
import { parseInstance } from '../../src/fold/compile-service.ts';
import type { ServedModel } from '../served-model.ts';

/** Problems that one answer lists; the rest is counted. */
const PROBLEMS_MAX = 50;

export interface ParsedInstance {
  readonly row: Row;
  /** Value of the model's example id field, where the instance carries it. */
  readonly exampleId: string | null;
}

/**
 * Checks every instance and reports all problems together.
 * @throws REQUEST_INVALID naming the instance's index, the field, expected and found
 */
export function parseInstances(model: ServedModel, instances: readonly unknown[], instancesMax: number): ParsedInstance[] {
  if (instances.length === 0 || instances.length > instancesMax) {
    const expected = `expected 1 to ${instancesMax} instances, found ${instances.length}`;
    throw new MillraceError('REQUEST_INVALID', `Request for model '${model.name}': ${expected}. Split it into several requests.`);
  }
  const parsed: ParsedInstance[] = [];
  const problems: string[] = [];
  instances.forEach((instance, i) => {
    const { exampleId, rest, problem } = takeExampleId(model, instance);
    const outcome = parseInstance(model.program, rest);
    if (problem !== null) problems.push(`instances[${i}]: ${problem}`);
    if (outcome.ok) parsed.push({ row: outcome.row, exampleId });
    else problems.push(...outcome.problems.map((text) => `instances[${i}]: ${text}`));
  });
  if (problems.length === 0) return parsed;
  const shown = problems.slice(0, PROBLEMS_MAX).join('; ');
  const more = problems.length > PROBLEMS_MAX ? `; and ${problems.length - PROBLEMS_MAX} more` : '';
  throw new MillraceError(
    'REQUEST_INVALID',
    `Request for model '${model.name}' is wrong: ${shown}${more}. GET /v1/models/${model.name} lists the fields.`,
  );
}

function takeExampleId(
  model: ServedModel,
  instance: unknown,
): { exampleId: string | null; rest: unknown; problem: string | null } {
  const field = model.definition.examples.id;
  const isRequestField = Object.hasOwn(model.program.requestSchema, field);
  if (typeof instance !== 'object' || instance === null || !Object.hasOwn(instance, field)) {
    return { exampleId: null, rest: instance, problem: null };
  }
  const { [field]: found, ...others } = instance as Readonly<Record<string, unknown>>;
  const rest = isRequestField ? instance : others;
  if (typeof found === 'string' || found === null) return { exampleId: found, rest, problem: null };
  // A field of the request is checked with the others.
  const problem = isRequestField ? null : `${field}: expected string or null, found ${typeof found}`;
  return { exampleId: null, rest, problem };
}
