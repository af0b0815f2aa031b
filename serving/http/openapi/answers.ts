import { z } from 'zod';
import { ARM_VARIANT_PATTERN } from '../../../src/contracts/experiment.ts';
import { datatypeNames } from '../../../src/contracts/tensor.ts';

const count = z.number().int().min(0);
const version = z.number().int().min(1);
const variant = z.union([z.enum(['champion', 'canary']), z.string().regex(ARM_VARIANT_PATTERN)]);
const modelSummary = z.object({
  model: z.string(),
  state: z.enum(['serving', 'unloaded', 'loading', 'rejected', 'unpromoted']),
  champion: version.nullable(),
  allocated: version.nullable(),
  canary: z.object({ version, share: z.number().min(0).max(1) }).nullable(),
  shadow: version.nullable(),
  experiment: z
    .object({
      name: z.string(),
      control: z.string(),
      arms: z.array(z.object({ name: z.string(), version, share: z.number().min(0).max(1) })),
      started: z.boolean(),
    })
    .nullable(),
  ready: z.boolean(),
});
const tensorSpec = z.object({ name: z.string(), datatype: z.enum(datatypeNames), shape: z.array(z.number().int().min(-1)) });
const value = z.union([z.number(), z.string(), z.null()]);
const viewRead = z.object({ view: z.string(), version, stale: z.array(count) });

export const predictAnswer = z.object({
  model: z.string(),
  version: version.nullable(),
  variant: variant.nullable(),
  digest: z.string().nullable(),
  predictions: z.array(
    z.object({
      decisionId: z.string(),
      score: z.number().min(0).max(1).optional(),
      label: z.boolean().optional(),
      version,
      variant,
      digest: z.string(),
      features: z.record(z.string(), z.union([z.number(), z.string(), z.null()])).optional(),
      views: z.array(z.object({ view: z.string(), version, ageMs: z.number().nullable() })).optional(),
      explanation: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
});
/** One line. */
export const bulkAnswer = z.union([
  z.object({ line: count, decisionId: z.string(), score: z.number().min(0).max(1), label: z.boolean(), version, variant, digest: z.string() }),
  z.object({ line: count, error: z.string(), code: z.string(), end: z.literal(true).optional() }),
]);
export const onlineAnswer = z.object({ asOf: z.number(), names: z.array(z.string()), rows: z.array(z.array(value)), views: z.array(viewRead) });
export const historicalAnswer = z.object({
  dataCut: z.number().nullable(),
  mode: z.enum(['known', 'happened']),
  names: z.array(z.string()),
  rows: z.array(z.array(value)),
  views: z.array(viewRead),
});
export const modelsAnswer = z.object({ models: z.array(modelSummary) });
export const modelAnswer = modelSummary.extend({
  allocation: z.unknown(),
  followedRevision: count,
  rejected: z.array(z.object({ version, reason: z.string() })),
  featureService: z.string(),
  request: z.record(z.string(), z.object({ type: z.enum(['string', 'number', 'boolean', 'timestamp']), nullable: z.boolean() })),
  exampleId: z.string(),
  splitBy: z.array(z.string()),
  versions: z.array(z.object({ version, digest: z.string(), role: z.string(), placement: z.string(), provider: z.string() })),
});
export const decisionAnswer = z.object({
  id: z.string(),
  model: z.string(),
  version,
  digest: z.string(),
  variant,
  unit: z.string().optional(),
  exampleId: z.string().nullable(),
  asOf: z.number(),
  servedAt: z.number(),
  instance: z.record(z.string(), z.unknown()),
  score: z.number().min(0).max(1),
});
export const liveAnswer = z.object({ live: z.literal(true) });
export const readyAnswer = z.object({
  ready: z.boolean(),
  draining: z.boolean(),
  models: z.array(z.object({ model: z.string(), ready: z.boolean(), state: z.string() })),
});
export const text = z.string();
/** Without a body. */
export const nothing = z.unknown();
export const document = z.object({ openapi: z.string(), info: z.unknown(), paths: z.record(z.string(), z.unknown()) });

export const serverMetadata = z.object({ name: z.string(), version: z.string(), extensions: z.array(z.string()) });
export const serverReady = z.object({ ready: z.boolean() });
export const modelReady = z.object({ name: z.string(), ready: z.boolean() });
export const modelMetadata = z.object({
  name: z.string(),
  versions: z.array(z.string()),
  platform: z.string(),
  inputs: z.array(tensorSpec),
  outputs: z.array(tensorSpec),
});
const configuredTensor = z.object({ name: z.string(), data_type: z.string().regex(/^TYPE_/), dims: z.array(z.number().int().min(-1)) });
export const modelConfiguration = z.object({
  name: z.string(),
  platform: z.string(),
  backend: z.string(),
  version_policy: z.object({ specific: z.object({ versions: z.array(version) }) }),
  max_batch_size: count,
  input: z.array(configuredTensor),
  output: z.array(configuredTensor),
  instance_group: z.array(z.object({ name: z.string(), kind: z.enum(['KIND_CPU', 'KIND_GPU']), count: z.number().int().min(1) })),
  dynamic_batching: z.record(z.string(), z.unknown()).optional(),
  ensemble_scheduling: z.record(z.string(), z.unknown()).optional(),
  parameters: z.record(z.string(), z.object({ string_value: z.string() })),
  model_transaction_policy: z.object({ decoupled: z.literal(false) }),
  response_cache: z.object({ enable: z.boolean() }),
});
const duration = z.object({ count, ns: count });
export const modelStatistics = z.object({
  model_stats: z.array(
    z.object({
      name: z.string(),
      version: z.string(),
      last_inference: z.number(),
      inference_count: count,
      execution_count: count,
      inference_stats: z.record(z.enum(['success', 'fail', 'queue', 'compute_input', 'compute_infer', 'compute_output', 'cache_hit', 'cache_miss']), duration),
      batch_stats: z.array(z.object({ batch_size: count, compute_input: duration, compute_infer: duration, compute_output: duration })),
    }),
  ),
});
export const inferAnswer = z.object({
  model_name: z.string(),
  model_version: z.string(),
  id: z.string().optional(),
  parameters: z.object({ variant: z.string(), digest: z.string() }),
  outputs: z.array(tensorSpec.extend({ data: z.array(z.unknown()).optional() })),
});
export const repositoryIndex = z.array(
  z.object({ name: z.string(), version: z.string(), state: z.enum(['READY', 'LOADING', 'UNAVAILABLE']), reason: z.string() }),
);
