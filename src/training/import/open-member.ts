import { ENSEMBLE_DEPTH_MAX, ENSEMBLE_RUNS_MAX, membersOf, runEnsemble, type EnsembleStep } from '../../contracts/ensemble.ts';
import type { GraphRole, ModelGraph } from '../../contracts/model-bundle.ts';
import type { Tensor } from '../../contracts/tensor.ts';
import { MillraceError } from '../../core/millrace-error.ts';
import type { TensorBundle } from '../../registry/bundle.ts';
import { parseEnsemble } from '../../registry/parse-ensemble.ts';
import { openGraph } from './open-graph.ts';

/** A version that is open in this process, whatever it runs. */
export interface OpenMember {
  /** Runs of graphs that one of it takes. */
  readonly graphRuns: number;
  /** Answers all outputs of its signature. */
  run(inputs: readonly Tensor[]): Promise<Tensor[]>;
  release(): Promise<void>;
}

/** As much of a bundle as running it takes. */
export type RunnableBundle = Pick<TensorBundle, 'model' | 'version'> & { readonly graph: ModelGraph<GraphRole>; readonly signature: Pick<TensorBundle['signature'], 'outputs'> };

export type ReadMember = (step: Pick<EnsembleStep, 'model' | 'version'>) => Promise<TensorBundle>;

/**
 * Opens a version; of an ensemble, all that it runs.
 * @throws MillraceError MODEL_IMPORT_INVALID, MODEL_BUNDLE_CORRUPT
 */
export async function openMember(bundle: RunnableBundle, read: ReadMember, depth = 1): Promise<OpenMember> {
  const { model, graph, signature } = bundle;
  const { role, bytes } = graph;
  if (role === 'ensemble.json') return openMembers(bundle, read, depth);
  const opened = await openGraph(model, { name: role, role, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) });
  const outputs = signature.outputs.map(({ name }) => name);
  return { graphRuns: 1, run: (inputs) => opened.run(inputs, outputs), release: () => opened.release() };
}

async function openMembers(bundle: RunnableBundle, read: ReadMember, depth: number): Promise<OpenMember> {
  if (depth > ENSEMBLE_DEPTH_MAX) {
    throw refused(bundle, `ensembles lie within one another, at most ${ENSEMBLE_DEPTH_MAX} deep are taken`);
  }
  const ensemble = parseEnsemble(bundle);
  const opened = new Map<string, OpenMember>();
  const release = async (): Promise<void> => {
    await Promise.all([...opened.values()].map((member) => member.release()));
  };
  try {
    for (const step of membersOf(ensemble)) opened.set(step.digest, await openMember(await read(step), read, depth + 1));
    const graphRuns = ensemble.steps.reduce((sum, { digest }) => sum + (opened.get(digest) as OpenMember).graphRuns, 0);
    if (graphRuns > ENSEMBLE_RUNS_MAX) {
      throw refused(bundle, `a request runs ${graphRuns} versions, those within its ensembles counted each time, at most ${ENSEMBLE_RUNS_MAX} are taken`);
    }
    return { graphRuns, run: (inputs) => runEnsemble(ensemble, inputs, bundle.signature.outputs, (step, taken) => (opened.get(step.digest) as OpenMember).run(taken)), release };
  } catch (error) {
    await release();
    throw error;
  }
}

const refused = ({ model }: Pick<RunnableBundle, 'model'>, why: string): MillraceError => new MillraceError('MODEL_IMPORT_INVALID', `Model '${model}': ${why}. Nothing was registered.`);
