import type { Ensemble, TensorOrigin } from '../../src/contracts/ensemble.ts';
import type { Datatype, TensorSpec } from '../../src/contracts/tensor.ts';
import { priorities } from '../batcher/priority.ts';
import type { ServingVersion } from '../router/serving-version.ts';
import type { RunnableVersion } from '../tensors/runnable-version.ts';
import { tensorsOf } from './version-tensors.ts';

interface ConfiguredTensor {
  readonly name: string;
  readonly data_type: string;
  /** Without the rows, where runs are shared; -1 is any size. */
  readonly dims: readonly number[];
}

interface QueuePolicy {
  readonly default_timeout_microseconds: number;
  readonly allow_timeout_override: boolean;
  /** Rows; absent where it is not the version's own. */
  readonly max_queue_size?: number;
}

interface DynamicBatching {
  readonly preferred_batch_size?: readonly number[];
  readonly max_queue_delay_microseconds?: number;
  readonly priority_levels?: number;
  readonly default_priority_level?: number;
  readonly default_queue_policy: QueuePolicy;
}

interface ConfiguredStep {
  readonly model_name: string;
  readonly model_version: number;
  /** From the step's tensor to the ensemble's. */
  readonly input_map: Readonly<Record<string, string>>;
  readonly output_map: Readonly<Record<string, string>>;
}

/** A version in the words of the protocol's model configuration extension. */
export interface ModelConfiguration {
  readonly name: string;
  readonly platform: string;
  readonly backend: string;
  readonly version_policy: { readonly specific: { readonly versions: readonly number[] } };
  /** Rows of a shared run; 0 where requests don't share any. */
  readonly max_batch_size: number;
  readonly input: readonly ConfiguredTensor[];
  readonly output: readonly ConfiguredTensor[];
  readonly instance_group: readonly { readonly name: string; readonly kind: 'KIND_CPU' | 'KIND_GPU'; readonly count: number }[];
  readonly dynamic_batching?: DynamicBatching;
  readonly ensemble_scheduling?: { readonly step: readonly ConfiguredStep[] };
  readonly parameters: Readonly<Record<string, { readonly string_value: string }>>;
  readonly model_transaction_policy: { readonly decoupled: false };
  readonly response_cache: { readonly enable: boolean };
}

/** What is not of the version alone. */
export interface ConfiguredModel {
  readonly name: string;
  /** Those loaded. */
  readonly versions: readonly number[];
  /** Of a request that allows none. */
  readonly timeoutMs: number;
}

const MICROSECONDS = 1_000;
/** What runs on a graphics card: an execution provider of ONNX Runtime, and a backend of TensorFlow.js. */
const GPU_PROVIDERS: readonly string[] = ['cuda', 'tfjs-node-gpu'];

/** Of a version over a feature service. */
export function configurationOf(target: ServingVersion, model: ConfiguredModel): ModelConfiguration {
  const { batchRowsMax, batching, warm } = target;
  const { inputs, outputs } = tensorsOf(target);
  const { preferredRows = [], minimumWaitMs, queueRowsMax } = batching;
  return {
    ...common(target, model, { inputs, outputs, batchRowsMax }),
    instance_group: instancesOf(target, model, warm.instances),
    dynamic_batching: {
      preferred_batch_size: preferredRows,
      max_queue_delay_microseconds: minimumWaitMs * MICROSECONDS,
      priority_levels: priorities.length,
      default_priority_level: priorities.indexOf('normal') + 1,
      default_queue_policy: { ...queuePolicy(model), max_queue_size: queueRowsMax },
    },
    response_cache: { enable: target.caches },
  };
}

/** Of a version whose tensors are its graph's own. */
export function tensorConfigurationOf(target: RunnableVersion, model: ConfiguredModel): ModelConfiguration {
  const { inputs, outputs, batched, batchRowsMax } = target.signature;
  const configuration = common(target, model, { inputs, outputs, batchRowsMax: batched ? batchRowsMax : 0 });
  if (target.ensemble !== null) return { ...configuration, ensemble_scheduling: { step: stepsOf(target.ensemble) } };
  return {
    ...configuration,
    instance_group: instancesOf(target, model, 1),
    ...(batched ? { dynamic_batching: { default_queue_policy: queuePolicy(model) } } : {}),
  };
}

interface Tensors {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly batchRowsMax: number;
}

function common({ platform, digest }: Pick<RunnableVersion, 'platform' | 'digest'>, { name, versions }: ConfiguredModel, { inputs, outputs, batchRowsMax }: Tensors): ModelConfiguration {
  const configured = (spec: TensorSpec): ConfiguredTensor => ({ name: spec.name, data_type: typeOf(spec.datatype), dims: batchRowsMax > 0 ? spec.shape.slice(1) : spec.shape });
  return {
    name,
    platform,
    backend: backendOf(platform),
    version_policy: { specific: { versions } },
    max_batch_size: batchRowsMax,
    input: inputs.map(configured),
    output: outputs.map(configured),
    instance_group: [],
    parameters: { digest: { string_value: digest } },
    model_transaction_policy: { decoupled: false },
    response_cache: { enable: false },
  };
}

const typeOf = (datatype: Datatype): string => (datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`);

/** What stands before the format: `onnxruntime` of `onnxruntime_onnx`. An ensemble has none. */
const backendOf = (platform: string): string => (platform === 'ensemble' ? '' : (platform.split('_')[0] as string));

const queuePolicy = ({ timeoutMs }: ConfiguredModel): QueuePolicy => ({ default_timeout_microseconds: timeoutMs * MICROSECONDS, allow_timeout_override: true });

const instancesOf = ({ session: { provider } }: Pick<RunnableVersion, 'session'>, { name }: ConfiguredModel, count: number): ModelConfiguration['instance_group'] => [
  { name, kind: GPU_PROVIDERS.includes(provider) ? 'KIND_GPU' : 'KIND_CPU', count },
];

/** The protocol joins steps by names: tensors between them have their step's and their own. */
function stepsOf({ steps, outputs }: Ensemble): ConfiguredStep[] {
  const isSame = (a: TensorOrigin, b: TensorOrigin): boolean => 'step' in a && 'step' in b && a.step === b.step && a.output === b.output;
  const nameOf = (origin: TensorOrigin): string => {
    if ('input' in origin) return origin.input;
    const answered = Object.entries(outputs).find(([, one]) => isSame(one, origin));
    return answered?.[0] ?? `${origin.step}.${origin.output}`;
  };
  const taken = [...Object.values(outputs), ...steps.flatMap(({ inputs }) => Object.values(inputs))];
  return steps.map(({ name, model, version, inputs }) => ({
    model_name: model,
    model_version: version,
    input_map: Object.fromEntries(Object.entries(inputs).map(([input, origin]) => [input, nameOf(origin)])),
    output_map: Object.fromEntries(taken.flatMap((origin) => ('step' in origin && origin.step === name ? [[origin.output, nameOf(origin)]] : []))),
  }));
}
