import type { ModelSignature } from '../../../src/contracts/model-bundle.ts';

/** A signature of model `m` with what a test cares about. */
export const signatureOf = (over: Partial<ModelSignature>): ModelSignature => ({
  model: 'm',
  task: 'binary_classification',
  featureService: 's',
  serviceDigest: 'd',
  viewVersions: {},
  numericNames: [],
  categories: [],
  batchRowsMax: 8,
  threshold: 0.5,
  ...over,
});
