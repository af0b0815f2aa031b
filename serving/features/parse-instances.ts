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
    const outcome = parseInstance(model.program, instance);
    const found = [...(outcome.ok ? [] : outcome.problems), ...otherProblems(model, instance)];
    problems.push(...found.map((text) => `instances[${i}]: ${text}`));
    if (outcome.ok && found.length === 0) parsed.push({ row: outcome.row, exampleId: exampleIdOf(model, instance) });
  });
  if (problems.length === 0) return parsed;
  const shown = problems.slice(0, PROBLEMS_MAX).join('; ');
  const more = problems.length > PROBLEMS_MAX ? `; and ${problems.length - PROBLEMS_MAX} more` : '';
  throw new MillraceError(
    'REQUEST_INVALID',
    `Request for model '${model.name}' is wrong: ${shown}${more}. GET /v1/models/${model.name} lists the fields.`,
  );
}

/** Also the example's other fields may come along, so that an event can be sent as it is; a misspelt field may not. */
function otherProblems(model: ServedModel, instance: unknown): string[] {
  if (typeof instance !== 'object' || instance === null) return [];
  const { examples } = model.definition;
  const problems: string[] = [];
  for (const [name, value] of Object.entries(instance)) {
    if (Object.hasOwn(model.program.requestSchema, name)) continue;
    if (name === examples.id && value !== null && typeof value !== 'string') {
      problems.push(`field '${name}': expected a text or null, found a value of type ${typeof value}`);
    } else if (!Object.hasOwn(examples.source.schema, name)) {
      problems.push(`field '${name}': neither feature service '${model.program.service.name}' nor source '${examples.source.name}' has it`);
    }
  }
  return problems;
}

function exampleIdOf(model: ServedModel, instance: unknown): string | null {
  const value = (instance as Readonly<Record<string, unknown>>)[model.definition.examples.id];
  return typeof value === 'string' ? value : null;
}
