import { messageOf } from '../core/millrace-error.ts';
import { unpackModel } from './packed-model.ts';
import { loadTensorBackend, presentBackend, type TensorFlow } from './tensorflow-backend.ts';
import { openTensorflowModel, type TensorflowModel } from './tensorflow-model.ts';

/** Backends that need no native module, which not every process is made for. The second one has operations that the first one lacks. */
const safeBackends = ['wasm', 'cpu'] as const;

/**
 * Opens a packed model outside of a session's own process: on the backend that TensorFlow.js has here already, since another one would be taken
 * from whoever uses it; else on the first safe one that has the model's operations.
 * @throws RangeError where the bytes are no packed model
 * @throws Error where no backend opens it
 */
export async function openPacked(bytes: Uint8Array): Promise<TensorflowModel> {
  const packed = unpackModel(bytes);
  const present = presentBackend();
  if (present !== null) return openTensorflowModel(present, packed);
  const reasons: string[] = [];
  for (const name of safeBackends) {
    let tf: TensorFlow;
    try {
      ({ tf } = await loadTensorBackend({ addon: null, names: [name] }));
      return await openTensorflowModel(tf, packed);
    } catch (error) {
      reasons.push(`${name}: ${messageOf(error)}`);
    }
  }
  throw new Error(reasons.join('; '));
}
