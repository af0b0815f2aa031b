import { findSpecs, mayShareRuns } from './find-specs.ts';
import { importInvalid } from './import-problem.ts';
import { openGraph } from './open-graph.ts';
import type { ModelFile } from './read-model-file.ts';
import { tensorVersion, type ImportedTensors } from './tensor-version.ts';
import { NO_ROWS, tryTensors } from './try-tensors.ts';

export interface ImportTensorsOptions {
  readonly model: string;
  readonly file: ModelFile;
  readonly by: string;
  readonly reason: string;
}

/**
 * Makes a version of a model without a feature service out of a file: what it takes and answers are the graph's own tensors.
 * @throws MillraceError MODEL_IMPORT_INVALID with all that is wrong
 */
export async function importTensors({ model, file, by, reason }: ImportTensorsOptions): Promise<ImportedTensors> {
  const graph = await openGraph(model, file);
  const notes: string[] = [];
  try {
    const problems: string[] = [];
    const inputs = findSpecs('input', graph.inputs, problems);
    const outputs = findSpecs('output', graph.outputs, problems);
    if (problems.length > 0) throw importInvalid(model, file.name, problems);
    const names = outputs.map(({ name }) => name);
    const probe = await tryTensors((tensors) => graph.run(tensors, names), inputs, mayShareRuns(graph.inputs, graph.outputs) ? null : NO_ROWS, notes);
    return tensorVersion({ model, file: file.name, by, reason, graph: file, header: graph.header, inputs, outputs, probe, notes });
  } finally {
    await graph.release();
  }
}
