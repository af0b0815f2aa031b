import { ENSEMBLE_STEPS_MAX, type EnsembleStep, type TensorOrigin } from './ensemble.ts';
import type { TensorSpec } from './tensor.ts';

/** A step as somebody writes it, with the version that was found for it. */
export interface DraftStep {
  readonly name: string;
  readonly model: string;
  /** By the name of the version's input: `step.output`, else the name of an input of the ensemble. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Null where there is none: told elsewhere. */
  readonly member: StepMember | null;
}

/** A version as an ensemble sees it. */
export interface StepMember {
  readonly version: number;
  readonly digest: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
}

/** An ensemble of which everything fits. */
export interface LinkedEnsemble {
  readonly steps: readonly EnsembleStep[];
  readonly outputs: Readonly<Record<string, TensorOrigin>>;
  readonly inputSpecs: readonly TensorSpec[];
  readonly outputSpecs: readonly TensorSpec[];
}

const STEP_NAME = /^[a-z][a-z0-9_]{0,62}$/;

/**
 * Joins steps by the names that they were given: orders them, finds what the ensemble takes and answers, and all that does not fit. An input of
 * the ensemble is whatever no step gives; of several steps that take it, its shape is what all of them allow.
 * @param problems gets all that is wrong; the answer is worth something only where nothing came
 */
export function linkEnsemble(drafts: readonly DraftStep[], outputs: Readonly<Record<string, string>>, problems: string[]): LinkedEnsemble {
  checkNames(drafts, outputs, problems);
  const byName = new Map(drafts.map((draft) => [draft.name, draft]));
  const originOf = (text: string): TensorOrigin => {
    const dot = text.indexOf('.');
    const step = text.slice(0, Math.max(0, dot));
    return dot > 0 && byName.has(step) ? { step, output: text.slice(dot + 1) } : { input: text };
  };
  const links = new Links(byName, problems);
  for (const draft of drafts) linkStep(draft, originOf, links);
  const outputOrigins = Object.fromEntries(Object.entries(outputs).map(([name, text]) => [name, originOf(text)]));
  const outputSpecs = Object.entries(outputOrigins).flatMap(([name, origin]) => links.output(name, origin));
  const ordered = orderSteps(drafts, originOf, problems);
  if (problems.length === 0) links.assertUsed(ordered, outputOrigins, originOf);
  const steps = ordered.flatMap(({ name, model, member, inputs }): EnsembleStep[] =>
    member === null
      ? []
      : [{ name, model, version: member.version, digest: member.digest, inputs: Object.fromEntries(Object.entries(inputs).map(([input, text]) => [input, originOf(text)])) }],
  );
  return { steps, outputs: outputOrigins, inputSpecs: links.inputs, outputSpecs };
}

function checkNames(drafts: readonly DraftStep[], outputs: Readonly<Record<string, string>>, problems: string[]): void {
  if (drafts.length < 1 || drafts.length > ENSEMBLE_STEPS_MAX) problems.push(`expected 1 to ${ENSEMBLE_STEPS_MAX} steps, found ${drafts.length}`);
  const seen = new Set<string>();
  for (const { name } of drafts) {
    if (!STEP_NAME.test(name)) problems.push(`step '${name}': expected a name of small letters, digits and _, that begins with a letter`);
    if (seen.has(name)) problems.push(`step '${name}': there are two of this name`);
    seen.add(name);
  }
  if (Object.keys(outputs).length === 0) problems.push('it has no outputs: name one, for example "score": "step.output"');
}

function linkStep({ name, model, member, inputs }: DraftStep, originOf: (text: string) => TensorOrigin, links: Links): void {
  if (member === null) return;
  for (const spec of member.inputs) {
    const text = inputs[spec.name];
    if (text === undefined) links.problems.push(`step '${name}': input '${spec.name}' of model '${model}' is missing`);
    else links.take(name, spec, originOf(text), text);
  }
  const known = member.inputs.map((spec) => spec.name);
  for (const input of Object.keys(inputs)) {
    if (!known.includes(input)) links.problems.push(`step '${name}': model '${model}' has no input '${input}', its inputs are ${listOf(known)}`);
  }
}

class Links {
  readonly problems: string[];
  readonly #byName: ReadonlyMap<string, DraftStep>;
  readonly #inputs = new Map<string, TensorSpec>();

  constructor(byName: ReadonlyMap<string, DraftStep>, problems: string[]) {
    this.#byName = byName;
    this.problems = problems;
  }

  get inputs(): TensorSpec[] {
    return [...this.#inputs.values()];
  }

  take(step: string, spec: TensorSpec, origin: TensorOrigin, text: string): void {
    if ('input' in origin) {
      this.#takeInput(step, spec, origin.input);
      return;
    }
    const given = this.#given(origin, `step '${step}': input '${spec.name}'`);
    if (given === null) return;
    if (given.datatype !== spec.datatype || meet(given.shape, spec.shape) === null) {
      this.problems.push(`step '${step}': input '${spec.name}' is ${describe(spec)}, and '${text}' gives ${describe(given)}`);
    }
  }

  output(name: string, origin: TensorOrigin): TensorSpec[] {
    if ('input' in origin) {
      this.problems.push(`output '${name}': no step gives '${origin.input}'; name it as step.output`);
      return [];
    }
    const given = this.#given(origin, `output '${name}'`);
    return given === null ? [] : [{ ...given, name }];
  }

  /** A step that nothing comes of is a mistake: it would only cost. */
  assertUsed(steps: readonly DraftStep[], outputs: Readonly<Record<string, TensorOrigin>>, originOf: (text: string) => TensorOrigin): void {
    const used = new Set(Object.values(outputs).flatMap((origin) => ('step' in origin ? [origin.step] : [])));
    for (const { name, inputs } of steps.toReversed()) {
      if (!used.has(name)) this.problems.push(`step '${name}': no output comes of it`);
      for (const text of Object.values(inputs)) {
        const origin = originOf(text);
        if ('step' in origin) used.add(origin.step);
      }
    }
  }

  #given({ step, output }: { readonly step: string; readonly output: string }, what: string): TensorSpec | null {
    const member = this.#byName.get(step)?.member ?? null;
    if (member === null) return null;
    const found = member.outputs.find(({ name }) => name === output);
    if (found === undefined) this.problems.push(`${what}: step '${step}' has no output '${output}', it answers ${listOf(member.outputs.map(({ name }) => name))}`);
    return found ?? null;
  }

  #takeInput(step: string, spec: TensorSpec, name: string): void {
    const before = this.#inputs.get(name);
    const shape = before === undefined ? spec.shape : before.datatype === spec.datatype ? meet(before.shape, spec.shape) : null;
    if (shape !== null) this.#inputs.set(name, { name, datatype: spec.datatype, shape });
    else this.problems.push(`input '${name}': step '${step}' takes ${describe(spec)}, a step before it ${describe(before as TensorSpec)}`);
  }
}

/** The sizes that two shapes allow both, or null; -1 is any size. */
function meet(a: readonly number[], b: readonly number[]): number[] | null {
  if (a.length !== b.length) return null;
  const sizes = a.map((size, i) => (size === -1 ? (b[i] as number) : size));
  return sizes.every((size, i) => b[i] === -1 || b[i] === size) ? sizes : null;
}

/** Each after those that it takes something from, else as they were written (Kahn 1962). */
export function orderSteps(drafts: readonly DraftStep[], originOf: (text: string) => TensorOrigin, problems: string[]): DraftStep[] {
  const ordered: DraftStep[] = [];
  const done = new Set<string>();
  const isReady = ({ inputs }: DraftStep): boolean =>
    Object.values(inputs).every((text) => {
      const origin = originOf(text);
      return 'input' in origin || done.has(origin.step);
    });
  let waiting = [...drafts];
  while (waiting.length > 0) {
    const ready = waiting.find(isReady);
    if (ready === undefined) {
      problems.push(`steps ${listOf(waiting.map(({ name }) => name))} wait for one another`);
      return ordered;
    }
    ordered.push(ready);
    done.add(ready.name);
    waiting = waiting.filter((draft) => draft !== ready);
  }
  return ordered;
}

const describe = ({ datatype, shape }: TensorSpec): string => `${datatype}[${shape.join(', ')}]`;
const listOf = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ');
