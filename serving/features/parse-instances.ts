import { MillraceError } from '../../src/core/millrace-error.ts';
import { shorten } from '../../src/core/shorten.ts';
import type { Row } from '../../src/define/field.ts';
import { parseInstance, type ServiceProgram } from '../../src/fold/compile-service.ts';
import { describe, EVENT_ID_LENGTH_MAX, isEventId } from '../../src/fold/parse-row.ts';
import type { ServedModel } from '../served-model.ts';

/** Problems that one answer lists; the rest is counted. */
const PROBLEMS_MAX = 50;

export interface ParsedInstance {
  readonly row: Row;
  /** Value of the model's example id field, where the instance carries it. */
  readonly exampleId: string | null;
}

/**
 * Checks every instance against the service of the version that it goes to, and reports all problems together. Fields that
 * only the project's own service has may come along: a client may send them before a version takes them.
 * @throws REQUEST_INVALID naming the instance's index, the field, expected and found
 */
function parseInstances(
  model: ServedModel,
  program: ServiceProgram,
  instances: readonly unknown[],
  instancesMax: number,
): ParsedInstance[] {
  if (instances.length === 0 || instances.length > instancesMax) {
    const expected = `expected 1 to ${instancesMax} instances, found ${instances.length}`;
    throw new MillraceError('REQUEST_INVALID', `Request for model '${model.name}': ${expected}. Split it into several requests.`);
  }
  const parsed: ParsedInstance[] = [];
  const problems: string[] = [];
  for (let i = 0; i < instances.length; i++) {
    const instance = instances[i];
    const outcome = parseInstance(program, instance);
    // What is its own row has no other fields.
    const others = outcome.ok && outcome.row === instance ? [] : otherProblems(model, program, instance);
    const exampleId = exampleIdOf(model, instance);
    const isIdWrong = exampleId !== null && !isEventId(exampleId);
    if (outcome.ok && others.length === 0 && !isIdWrong) parsed.push({ row: outcome.row, exampleId });
    else {
      const wrongId = isIdWrong ? [idProblem(model.definition.examples.id, exampleId)] : [];
      for (const text of [...(outcome.ok ? [] : outcome.problems), ...others, ...wrongId]) problems.push(`instances[${i}]: ${text}`);
    }
  }
  if (problems.length === 0) return parsed;
  const shown = problems.slice(0, PROBLEMS_MAX).join('; ');
  const more = problems.length > PROBLEMS_MAX ? `; and ${problems.length - PROBLEMS_MAX} more` : '';
  throw new MillraceError(
    'REQUEST_INVALID',
    `Request for model '${model.name}' is wrong: ${shown}${more}. GET /v1/models/${model.name} lists the fields.`,
  );
}

/** Also the example's other fields may come along, so that an event can be sent as it is; a misspelt field may not. */
function otherProblems(model: ServedModel, program: ServiceProgram, instance: unknown): string[] {
  if (typeof instance !== 'object' || instance === null) return [];
  const { examples } = model.definition;
  const problems: string[] = [];
  for (const name of Object.keys(instance)) {
    if (Object.hasOwn(program.requestSchema, name) || Object.hasOwn(model.program.requestSchema, name)) continue;
    const value = (instance as Readonly<Record<string, unknown>>)[name];
    if (name === examples.id && value !== null && typeof value !== 'string') {
      problems.push(`field '${name}': expected a text or null, found a value of type ${typeof value}`);
    } else if (!Object.hasOwn(examples.source.schema, name)) {
      problems.push(`field '${shorten(name)}': neither feature service '${program.service.name}' nor source '${examples.source.name}' has it`);
    }
  }
  return problems;
}

/** What no event can have as its id, no label will have: and the decision could not be stored. */
const idProblem = (field: string, id: string): string =>
  `field '${field}': expected an id of 1 to ${EVENT_ID_LENGTH_MAX} characters without NUL or unit separator, found ${describe(id)}, ${id.length} characters`;

function exampleIdOf(model: ServedModel, instance: unknown): string | null {
  if (typeof instance !== 'object' || instance === null) return null;
  const value = (instance as Readonly<Record<string, unknown>>)[model.definition.examples.id];
  return typeof value === 'string' ? value : null;
}

/** The instances of one request, parsed once for each feature service that reads them. */
export class ParsedByService {
  readonly #model: ServedModel;
  readonly #raw: readonly unknown[];
  readonly #instancesMax: number;
  /** One as a rule, so that a map would be more than what it holds. */
  readonly #parsed: { readonly program: ServiceProgram; readonly instances: readonly ParsedInstance[] }[] = [];
  /** As a rule nothing is drawn, and there is no list. */
  #drawn: string[] | undefined;

  constructor(model: ServedModel, raw: readonly unknown[], instancesMax: number) {
    this.#model = model;
    this.#raw = raw;
    this.#instancesMax = instancesMax;
  }

  get count(): number {
    return this.#raw.length;
  }

  /** @throws REQUEST_INVALID */
  by(program: ServiceProgram): readonly ParsedInstance[] {
    const before = this.#parsed.find((one) => one.program === program);
    if (before !== undefined) return before.instances;
    const instances = parseInstances(this.#model, program, this.#raw, this.#instancesMax);
    this.#parsed.push({ program, instances });
    return instances;
  }

  /** What an instance is split by that has neither key nor example: drawn once, or it would be scored by another version than it was read for. */
  drawn(i: number, draw: () => string): string {
    this.#drawn ??= [];
    return (this.#drawn[i] ??= draw());
  }
}
