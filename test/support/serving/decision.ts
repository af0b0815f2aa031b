import type { Decision } from '../../../src/contracts/decision.ts';
import type { DecisionKind, DecisionValues } from '../../../src/store/decision-frame.ts';

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

const kind: DecisionKind = { model: 'm', version: 1, digest: 'd', variant: 'champion', fields: ['text'], views: [], numberCount: 0, categoryCount: 0 };

/** The same as serving logs it, with a text in its instance. */
export function loggedDecision(id: string, { text = '', shadow = null }: { readonly text?: string; readonly shadow?: Decision['shadow'] } = {}): [DecisionKind, DecisionValues] {
  const { exampleId, asOf, servedAt, score, latencyMs } = decisionOf(id);
  const row = { row: 0, instance: { text }, numbers: new Float32Array(0), categories: [], asked: [], states: [] };
  return [kind, { id, unit: undefined, exampleId, asOf, servedAt, ...row, score, shadow, latencyMs }];
}
