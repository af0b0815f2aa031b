import type { Tensor, TensorSpec } from './tensor.ts';

/** Steps of one ensemble. */
export const ENSEMBLE_STEPS_MAX = 32;
/** Ensembles within ensembles. */
export const ENSEMBLE_DEPTH_MAX = 16;
/** Runs of one request, those of the ensembles within an ensemble counted each time: a few levels of two steps would make any number of them. */
export const ENSEMBLE_RUNS_MAX = 256;

/** Where a tensor comes from: an input of the ensemble, or an output of one of its steps. */
export type TensorOrigin = { readonly input: string } | { readonly step: string; readonly output: string };

/** A model version that is run on some of the tensors that are there. */
export interface EnsembleStep {
  readonly name: string;
  readonly model: string;
  readonly version: number;
  /** Of the version: what the ensemble was tried with, and the only thing that it runs. */
  readonly digest: string;
  /** By the name of the version's input. */
  readonly inputs: Readonly<Record<string, TensorOrigin>>;
}

/** What an ensemble runs. Its tensors are in its signature. */
export interface Ensemble {
  readonly format: 1;
  /** Each after those that it takes something from. */
  readonly steps: readonly EnsembleStep[];
  /** By the name of the ensemble's output. */
  readonly outputs: Readonly<Record<string, TensorOrigin>>;
}

/** The model versions that an ensemble runs, each once: the first step of each. */
export const membersOf = ({ steps }: Ensemble): readonly EnsembleStep[] => steps.filter((step, at) => steps.findIndex(({ digest }) => digest === step.digest) === at);

/**
 * Runs every step once what it takes is there, those at the same time that don't depend on each other. A step that fails fails
 * the whole: steps that run by then are not waited for, and no others begin.
 * @param runStep answers all outputs of the step's version
 */
export async function runEnsemble(
  { steps, outputs }: Ensemble,
  inputs: readonly Tensor[],
  outputSpecs: readonly Pick<TensorSpec, 'name'>[],
  runStep: (step: EnsembleStep, inputs: readonly Tensor[]) => Promise<readonly Tensor[]>,
): Promise<Tensor[]> {
  const given = new Map(inputs.map((tensor) => [tensor.name, tensor]));
  const answers = new Map<string, Promise<readonly Tensor[]>>();
  const take = async (origin: TensorOrigin, name: string): Promise<Tensor> => {
    const found = 'input' in origin ? given.get(origin.input) : (await answers.get(origin.step))?.find((tensor) => tensor.name === origin.output);
    if (found === undefined) throw new RangeError(`nothing gives tensor '${name}'`);
    return { ...found, name };
  };
  let failed: { readonly error: unknown } | null = null;
  for (const step of steps) {
    const answer = Promise.all(Object.entries(step.inputs).map(([name, origin]) => take(origin, name))).then((taken) => {
      if (failed !== null) throw failed.error;
      return runStep(step, taken);
    });
    // What fails is told by whoever takes from it; a step that nobody waits for any more must not end the process.
    answer.catch((error: unknown) => {
      failed ??= { error };
    });
    answers.set(step.name, answer);
  }
  return Promise.all(outputSpecs.map(({ name }) => take(outputs[name] as TensorOrigin, name)));
}
