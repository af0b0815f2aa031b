import type { Decision } from '../../../src/contracts/decision.ts';

/** A decision with an id and otherwise plain values. */
export const decisionOf = (id: string, over: Partial<Decision> = {}): Decision => ({
  id,
  model: 'm',
  version: 1,
  digest: 'd',
  variant: 'champion',
  exampleId: null,
  asOf: 0,
  servedAt: 0,
  instance: {},
  numbers: '',
  categories: [],
  reads: [],
  score: 0.5,
  shadow: null,
  latencyMs: { features: 0, queue: 0, compute: 0, total: 0 },
  ...over,
});
