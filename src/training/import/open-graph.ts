import { openOnnxFile } from './open-onnx-file.ts';
import { openTensorflowFile } from './open-tensorflow-file.ts';
import type { OpenGraph } from './opened-graph.ts';
import type { ModelFile } from './read-model-file.ts';

/** Opens a file by the runtime that it is for. The caller releases the graph. @throws MillraceError MODEL_IMPORT_INVALID */
export const openGraph = (model: string, file: ModelFile): Promise<OpenGraph> =>
  file.role === 'model.tfjs' ? openTensorflowFile(model, file) : openOnnxFile(model, file);
