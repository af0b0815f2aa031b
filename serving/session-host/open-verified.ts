import { InferenceSession } from 'onnxruntime-node';
import { messageOf, MillraceError } from '../../src/core/millrace-error.ts';
import { inspectOnnx } from '../../src/registry/inspect-onnx.ts';
import { readVerified, rejectSource } from './read-verified.ts';
import type { ModelSource, RunsOn } from './session.ts';

/** More threads double the CPU time and hurt p99 at the sizes of most models: scale by processes. */
const THREADS_DEFAULT = 1;

export interface OpenedSession extends RunsOn {
  readonly session: InferenceSession;
}

/**
 * Opens a model whose bytes have the wanted digest and that holds all of its values.
 * @param check throws where its tensors are not what they must be
 * @throws SERVING_VERSION_REJECTED
 */
export async function openVerified(source: ModelSource, check: (session: InferenceSession) => void): Promise<OpenedSession> {
  const bytes = await readOnnx(source);
  const passedOver: string[] = [];
  for (const provider of source.providers) {
    try {
      const session = await InferenceSession.create(bytes, {
        executionProviders: [provider],
        intraOpNumThreads: source.threads ?? THREADS_DEFAULT,
        interOpNumThreads: 1,
        // Errors only: warnings about unused initializers are not the operator's business.
        logSeverityLevel: 3,
      });
      check(session);
      return { session, provider, passedOver };
    } catch (error) {
      if (error instanceof MillraceError) throw error;
      passedOver.push(`${provider}: ${messageOf(error)}`);
    }
  }
  throw rejectSource(source, `ONNX Runtime opened it with none of its execution providers (${passedOver.join('; ')})`);
}

async function readOnnx(source: ModelSource): Promise<Buffer> {
  const bytes = await readVerified(source);
  let external: string | null;
  try {
    external = inspectOnnx(bytes).externalTensor;
  } catch (error) {
    throw rejectSource(source, `it is not an ONNX model (${messageOf(error)})`);
  }
  if (external !== null) throw rejectSource(source, `tensor '${external}' keeps its values in another file`);
  return bytes;
}
