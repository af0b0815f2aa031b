import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { monitorPolicyDefault, rolloutPolicyDefault } from '../../../src/define/model.ts';
import { boolean, entity, featureService, featureView, logisticRegression, mlp, model, source, string, timestamp } from '../../../src/index.ts';
import { repositoryRoot } from '../../support/repository-files.ts';

const page = readFileSync(path.join(repositoryRoot, 'docs/project-file.md'), 'utf8');
const documented = new Map([...page.matchAll(/^\| `([\w.]+)` \| (.+?) \|/gm)].map(([, option, fallback]) => [option as string, fallback as string]));

const payments = source({ name: 'payments', schema: { id: string(), card: string(), fraud: boolean(), at: timestamp() }, id: 'id', eventTime: 'at' });
const card = entity({ name: 'card', keys: ['card'] });
const viewOf = (more: { maxAge?: '1h' }) => featureView({ name: 'cards', entity: card, source: payments, features: (a) => ({ n: a.count({ window: '1h' }) }), ...more });
const cards = viewOf({});
const service = featureService({ name: 'fraud', views: [cards] });
const fraud = model({ name: 'fraud', service, examples: { source: payments, id: 'id', decisionTime: { field: 'at' } }, label: { source: payments, id: 'id', value: 'fraud' } });

/** Options with a default that a page can show, by the paths that it has them by. */
const { segments, ...rollout } = rolloutPolicyDefault;
const defaults: Readonly<Record<string, object>> = {
  source: { knownTime: payments.knownTime, clockSkew: payments.clockSkew, dedupeWindow: payments.dedupeWindow, partitions: payments.partitions },
  featureView: { version: cards.version, partitions: cards.partitions, onStale: viewOf({ maxAge: '1h' }).onStale },
  featureService: { onDemand: service.onDemand, request: service.request, exclude: service.exclude },
  model: { segments: fraud.segments, seed: fraud.seed, trainingWindow: fraud.trainingWindow, audit: fraud.audit },
  'model.split': fraud.split,
  'model.monitor': monitorPolicyDefault,
  'model.rollout': rollout,
  mlp: mlp(),
  logisticRegression: logisticRegression(),
};

/** Numbers as people write them: 0.00001 and not 1e-5. */
const textOf = (value: unknown): string => {
  if (value === null) return 'none';
  if (typeof value === 'string') return `\`${value}\``;
  if (typeof value === 'number') return `\`${value.toLocaleString('en', { useGrouping: false, maximumFractionDigits: 10 })}\``;
  return `\`${JSON.stringify(value)}\``;
};

test.each(Object.entries(defaults))('options of %s have the defaults that the page says', (of, values) => {
  const shown = Object.entries<unknown>({ ...values }).filter(([name]) => name !== 'kind');
  expect(Object.fromEntries(shown.map(([name]) => [name, documented.get(`${of}.${name}`)]))).toEqual(Object.fromEntries(shown.map(([name, value]) => [name, textOf(value)])));
});

test('the page has no option of a policy or trainer that there is not', () => {
  const known = new Set(Object.entries(defaults).flatMap(([of, values]) => Object.keys(values).map((name) => `${of}.${name}`)));
  const own = [...documented.keys()].filter((option) => /^(mlp|logisticRegression|model\.(split|monitor|rollout))\./.test(option) && !known.has(option));
  expect(own).toEqual(['mlp.embeddingSize', 'model.rollout.segments']);
  expect(segments).toEqual([]);
});
