import { InferenceSession } from 'onnxruntime-node';
import { messageOf } from '../../core/millrace-error.ts';
import { inspectOnnx } from '../../registry/inspect-onnx.ts';
import { importInvalid } from './import-problem.ts';
import { readOnnxHeader, type OnnxHeader } from './onnx-header.ts';
import type { ModelFile } from './read-model-file.ts';

/** Opens a file on one CPU thread, as serving does. The caller releases the session. @throws MillraceError MODEL_IMPORT_INVALID */
export async function openModelFile(
  model: string,
  { name, bytes }: ModelFile,
): Promise<{ readonly header: OnnxHeader; readonly session: InferenceSession }> {
  const refused = (problem: string) => importInvalid(model, name, [problem]);
  let header: OnnxHeader;
  let external: string | null;
  try {
    header = readOnnxHeader(bytes);
    external = inspectOnnx(bytes).externalTensor;
  } catch (error) {
    throw refused(`it is not an ONNX model (${messageOf(error)})`);
  }
  if (external !== null) throw refused(`tensor '${external}' keeps its values in another file: save the model as one file`);
  try {
    const session = await InferenceSession.create(bytes, {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      logSeverityLevel: 3,
    });
    return { header, session };
  } catch (error) {
    throw refused(`ONNX Runtime does not open it (${messageOf(error)})`);
  }
}
