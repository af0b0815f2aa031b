import type { Ensemble } from '../../contracts/ensemble.ts';
import { linkEnsemble, type DraftStep, type LinkedEnsemble } from '../../contracts/link-ensemble.ts';
import type { TensorSpec } from '../../contracts/tensor.ts';
import { canonicalJson } from '../../core/json.ts';
import { isMillraceError } from '../../core/millrace-error.ts';
import type { TensorBundle } from '../../registry/bundle.ts';
import { importInvalid } from './import-problem.ts';
import { openMember, type ReadMember } from './open-member.ts';
import { readEnsemble, type WrittenEnsemble } from './read-ensemble.ts';
import { tensorVersion, type ImportedTensors } from './tensor-version.ts';
import { NO_ROWS, tryTensors } from './try-tensors.ts';

export interface ImportEnsembleOptions {
  readonly model: string;
  readonly file: { readonly name: string; readonly bytes: Uint8Array };
  readonly by: string;
  readonly reason: string;
  /** Null: the model has no champion. @throws MillraceError MODEL_NOT_FOUND */
  readonly championOf: (model: string) => Promise<number | null>;
  /** @throws MillraceError MODEL_VERSION_NOT_FOUND */
  readonly readMember: ReadMember;
}

export interface ImportedEnsemble extends ImportedTensors {
  readonly ensemble: Ensemble;
}

/**
 * Makes a version of a model out of versions of others, each pinned by its digest: what an ensemble runs never changes under it.
 * @throws MillraceError MODEL_IMPORT_INVALID with all that is wrong
 */
export async function importEnsemble(options: ImportEnsembleOptions): Promise<ImportedEnsemble> {
  const { model, file, by, reason, readMember } = options;
  const written = readEnsemble(model, file.name, file.bytes);
  const problems: string[] = [];
  const bundles = await Promise.all(written.steps.map((step) => findMember(step, options, problems)));
  const drafts = written.steps.map((step, i): DraftStep => {
    const bundle = bundles[i] ?? null;
    const member = bundle && { version: bundle.version, digest: bundle.digest, inputs: bundle.signature.inputs, outputs: bundle.signature.outputs };
    return { ...step, member };
  });
  const linked = linkEnsemble(drafts, written.outputs, problems);
  if (problems.length > 0) throw importInvalid(model, file.name, problems);
  const { steps, outputs, inputSpecs, outputSpecs } = linked;
  const ensemble: Ensemble = { format: 1, steps, outputs };
  const graph = { role: 'ensemble.json', bytes: new TextEncoder().encode(canonicalJson(ensemble)) } as const;
  const notes = linked.inputSpecs.flatMap(({ name }) => strayNote(name));
  const opened = await openMember({ model, version: 0, graph, signature: { outputs: outputSpecs } }, readMember);
  try {
    const probe = await tryTensors((inputs) => opened.run(inputs), inputSpecs, whyApart(linked, bundles), notes);
    const header = { producerName: 'Millrace ensemble', producerVersion: '' };
    return { ...tensorVersion({ model, file: file.name, by, reason, graph, header, inputs: inputSpecs, outputs: outputSpecs, probe, notes }), ensemble };
  } finally {
    await opened.release();
  }
}

/** Names of tensors may have dots; more often it is a step that was misspelt. */
const strayNote = (input: string): string[] =>
  input.includes('.') ? [`'${input}' is an input of the ensemble: no step is named '${input.slice(0, input.indexOf('.'))}'`] : [];

/** Null where there is none, which is a problem then. */
async function findMember(
  { name, model, version: wanted }: WrittenEnsemble['steps'][number],
  { model: own, championOf, readMember }: ImportEnsembleOptions,
  problems: string[],
): Promise<TensorBundle | null> {
  const refuse = (why: string): null => {
    problems.push(`step '${name}': ${why}`);
    return null;
  };
  if (model === own) return refuse('an ensemble does not run versions of its own model; name another one');
  try {
    const version = wanted === 'champion' ? await championOf(model) : wanted;
    if (version === null) return refuse(`model '${model}' has no champion: promote a version, or name one`);
    const bundle = await readMember({ model, version });
    if (bundle.signature.task === 'tensors') return bundle;
    return refuse(`model '${model}' has a feature service, and an ensemble passes tensors: import its file with --tensors under another name`);
  } catch (error) {
    if (isMillraceError(error) && (error.code === 'MODEL_NOT_FOUND' || error.code === 'MODEL_VERSION_NOT_FOUND')) return refuse(error.message);
    throw error;
  }
}

/** Why requests can't share rows, or null. */
function whyApart({ inputSpecs, outputSpecs }: LinkedEnsemble, bundles: readonly (TensorBundle | null)[]): string | null {
  const single = bundles.find((bundle) => bundle?.signature.batched === false);
  if (single) return `those of model '${single.model}' do`;
  const isOpen = ({ shape }: TensorSpec): boolean => shape[0] === -1;
  return inputSpecs.every(isOpen) && outputSpecs.every(isOpen) ? null : NO_ROWS;
}
