import type { Ensemble } from '../contracts/ensemble.ts';
import type { GraphRole, ModelGraph } from '../contracts/model-bundle.ts';
import { messageOf, MillraceError } from '../core/millrace-error.ts';
import type { TensorBundle } from './bundle.ts';

/** What the bundle of an ensemble runs; its digest was checked. @throws MillraceError MODEL_BUNDLE_CORRUPT */
export function parseEnsemble({ model, version, graph }: Pick<TensorBundle, 'model' | 'version'> & { readonly graph: ModelGraph<GraphRole> }): Ensemble {
  try {
    return JSON.parse(new TextDecoder().decode(graph.bytes)) as Ensemble;
  } catch (cause) {
    throw new MillraceError('MODEL_BUNDLE_CORRUPT', `Bundle of model '${model}' version ${version}: file '${graph.role}' cannot be trusted: it is not JSON (${messageOf(cause)})`, { cause });
  }
}
