import { fileURLToPath } from 'node:url';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { loadSync, type Options, type PackageDefinition } from '@grpc/proto-loader';
import { assertInvariant } from '../core/assert-invariant.ts';

/**
 * Reads a `.proto` file. Field names become camel case; 64-bit numbers are JavaScript's, exact up to 2^53; an optional
 * field that is absent is undefined; of a oneof, a field with its name says which one is there.
 */
export const loadProto = (file: URL, options: Options = {}): PackageDefinition =>
  loadSync(fileURLToPath(file), { longs: Number, enums: String, defaults: true, oneofs: true, ...options });

/** The service of that full name. */
export function serviceOf(proto: PackageDefinition, name: string): ServiceDefinition {
  const service = proto[name];
  assertInvariant(service !== undefined && !('format' in service), `the proto file has service '${name}'`);
  return service;
}

/** The contract of `millrace.v1.FeatureStore`. */
export const featureStoreProto = new URL('../contracts/proto/millrace/v1/feature_store.proto', import.meta.url);

/** The contract of `inference.GRPCInferenceService`, the Open Inference Protocol v2. */
export const inferenceProto = new URL('../contracts/proto/inference/grpc_service.proto', import.meta.url);
