import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type * as tfjs from '@tensorflow/tfjs';
import type * as tfjsWasm from '@tensorflow/tfjs-backend-wasm';
import { messageOf, MillraceError } from '../core/millrace-error.ts';

/** The part of TensorFlow.js that every backend shares. */
export type TensorFlow = typeof tfjs;

/** Fastest first. `addon` is tfjs-node over an addon that was built on this machine. */
export const backendNames = ['tfjs-node-gpu', 'tfjs-node', 'addon', 'wasm', 'cpu'] as const;
export type BackendName = (typeof backendNames)[number];

export interface TensorBackend {
  readonly name: BackendName;
  readonly tf: TensorFlow;
  /** Faster ones that did not load, each with its reason. */
  readonly rejected: readonly { readonly name: BackendName; readonly reason: string }[];
}

export interface TensorBackendOptions {
  /** Path of a tfjs-node addon that was built on this machine, or null. */
  readonly addon: string | null;
  /** Tried in this order; the default is all. */
  readonly names?: readonly BackendName[];
}

const require = createRequire(import.meta.url);
let present: TensorFlow | null = null;

/** What the last `loadTensorBackend` of this process gave, or null. */
export const presentBackend = (): TensorFlow | null => present;

/**
 * Loads the first backend that works. Before a native one loads, TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL
 * must be 0 in the environment, or a signal may crash the process: see `nativeEnvironment`.
 * @throws MillraceError TRAINING_BACKEND_UNAVAILABLE with every reason
 */
export async function loadTensorBackend(options: TensorBackendOptions): Promise<TensorBackend> {
  const rejected: { name: BackendName; reason: string }[] = [];
  for (const name of options.names ?? backendNames) {
    try {
      const tf = await loaders[name](options);
      await tf.ready();
      // A backend may load and still not compute: one product shows it.
      const product = tf.tidy(() => tf.matMul(tf.ones([2, 3]), tf.ones([3, 2])).dataSync<'float32'>());
      if (product[0] !== 3) throw new Error(`it multiplied ones to ${product[0]} instead of 3`);
      present = tf;
      return { name, tf, rejected };
    } catch (error) {
      rejected.push({ name, reason: firstLine(messageOf(error)) });
    }
  }
  const reasons = rejected.map(({ name, reason }) => `${name}: ${reason}`).join('; ');
  throw new MillraceError(
    'TRAINING_BACKEND_UNAVAILABLE',
    `No TensorFlow.js backend loads: ${reasons}. Install the packages again with 'npm ci'.`,
  );
}

const loaders: Readonly<Record<BackendName, (options: TensorBackendOptions) => Promise<TensorFlow>>> = {
  'tfjs-node-gpu': () => Promise.resolve(require('@tensorflow/tfjs-node-gpu') as TensorFlow),
  'tfjs-node': () => {
    // Not among the dependencies: a user's own installation of it is taken where there is one.
    const name = '@tensorflow/tfjs-node';
    return Promise.resolve(require(name) as TensorFlow);
  },
  addon: async ({ addon }) => {
    if (addon === null) throw new Error('no addon was built on this machine');
    const tf = loadCommon();
    const backend = require('@tensorflow/tfjs-node-gpu/dist/nodejs_kernel_backend.js') as NativeBackendModule;
    require('@tensorflow/tfjs-node-gpu/dist/register_all_kernels.js');
    const bindings: unknown = require(addon);
    tf.registerBackend('tensorflow', () => new backend.NodeJSKernelBackend(bindings, 'tfjs-node'));
    await use(tf, 'tensorflow');
    return tf;
  },
  wasm: async () => {
    const tf = loadCommon();
    const wasm = require('@tensorflow/tfjs-backend-wasm') as typeof tfjsWasm;
    const folder = dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json'));
    wasm.setWasmPaths(join(folder, 'dist') + '/');
    await use(tf, 'wasm');
    return tf;
  },
  cpu: async () => {
    const tf = loadCommon();
    await use(tf, 'cpu');
    return tf;
  },
};

interface NativeBackendModule {
  readonly NodeJSKernelBackend: new (
    bindings: unknown,
    packageName: string,
  ) => ReturnType<TensorFlow['backend']>;
}

function loadCommon(): TensorFlow {
  // Read by reference, so that a missing package is this backend's failure and not the module's.
  return require('@tensorflow/tfjs') as TensorFlow;
}

async function use(tf: TensorFlow, backend: string): Promise<void> {
  // It answers false, rather than throw, where the backend does not start.
  if (!(await tf.setBackend(backend)))
    throw new Error(`TensorFlow.js could not start its backend '${backend}'`);
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? text;
