import { describe, expect, it } from 'vitest';
import {
  boolean,
  entity,
  featureService,
  featureView,
  logisticRegression,
  mlp,
  model,
  nullable,
  number,
  onDemand,
  project,
  source,
  string,
  timestamp,
} from '../../../src/index.ts';
import { assertProject, validateProject } from '../../../src/define/validate-project.ts';

const payments = source({
  name: 'payment',
  schema: {
    id: string(),
    at: timestamp(),
    card: string(),
    amount: number(),
    fraud: nullable(boolean()),
    note: nullable(string()),
  },
  id: 'id',
  eventTime: 'at',
});
const cardEntity = entity({ name: 'card', keys: ['card'] });
const cards = featureView({
  name: 'card_activity',
  entity: cardEntity,
  source: payments,
  features: (a) => ({ count: a.count({ window: '1h' }), mean: a.mean('amount', { window: '24h' }) }),
});
const service = featureService({
  name: 'fraud',
  views: [cards],
  request: { amount: number(), note: nullable(string()) },
});
const fraud = model({
  name: 'fraud',
  service,
  examples: { source: payments, id: 'id', decisionTime: { field: 'at', offset: '-30m' } },
  label: { source: payments, id: 'id', value: 'fraud' },
  segments: ['note'],
});

const problemsOfSource = (change: object) =>
  validateProject(project({ name: 'p', sources: [{ ...payments, ...change }] }));
const problemsOfView = (change: object) =>
  validateProject(project({ name: 'p', views: [{ ...cards, ...change }] }));
const problemsOfFeature = (aggregation: object) =>
  problemsOfView({ features: { f: { kind: 'count', field: null, window: '1h', ...aggregation } } });
const problemsOfService = (change: object) =>
  validateProject(project({ name: 'p', services: [{ ...service, ...change }] }));
const problemsOfModel = (change: object) =>
  validateProject(project({ name: 'p', models: [{ ...fraud, ...change }] }));

describe('a project without problems', () => {
  it('is accepted', () => {
    const good = project({ name: 'payments', models: [fraud] });
    expect(validateProject(good)).toEqual([]);
    expect(() => assertProject(good)).not.toThrow();
  });
});

describe('a project with problems', () => {
  it('is refused with all of them at once', () => {
    const bad = project({
      name: 'My Project',
      models: [{ ...fraud, seed: -1 }],
      views: [{ ...cards, name: 'other', partitions: 0 }],
    });
    expect(validateProject(bad)).toHaveLength(3);
    expect(() => assertProject(bad)).toThrow(
      expect.objectContaining({
        code: 'PROJECT_INVALID',
        details: { problems: validateProject(bad) },
      }) as Error,
    );
    expect(() => assertProject(bad)).toThrow(/^Project 'My Project' has 3 problems:\n- .*\n- .*\n- .*$/);
  });

  it('says what, which, expected, found and what next', () => {
    expect(problemsOfFeature({ window: '90m', hop: '1h' })).toEqual([
      "Feature view 'card_activity', feature 'f': expected a window that is a multiple of the hop '1h', found '90m'. Leave the hop out to get '2m'.",
    ]);
  });

  it('may not give one name to two definitions', () => {
    const twice = (definitions: object) => validateProject(project({ name: 'p', ...definitions }));
    const clock = source({
      name: 'payment',
      schema: { id: string(), at: timestamp() },
      id: 'id',
      eventTime: 'at',
    });
    expect(twice({ sources: [payments, clock] })).toEqual([expect.stringContaining('found 2 that differ')]);
    expect(twice({ sources: [payments, { ...payments }] })).toEqual([
      expect.stringContaining('in the same words'),
    ]);
    expect(twice({ views: [cards, { ...cards, version: 2 }] })).toEqual([
      expect.stringContaining("Feature view 'card_activity': expected one definition"),
    ]);
    expect(twice({ services: [service, { ...service, views: [] }] })).toHaveLength(1);
    expect(twice({ models: [fraud, { ...fraud, seed: 9 }] })).toHaveLength(1);
    expect(
      twice({ views: [cards, { ...cards, name: 'b', entity: { ...cardEntity, keys: ['note'] } }] }),
    ).toContainEqual(expect.stringContaining("Entity 'card': expected one definition"));
  });
});

describe('the checks of a source', () => {
  it.each([
    ['a name that is no identifier', { name: 'Payment' }, "found 'Payment'"],
    ['a name that is too long', { name: 'x'.repeat(64) }, 'expected a name of 1 to 63'],
    [
      'a column of the offline log',
      { schema: { ...payments.schema, known_time: number() } },
      "found 'known_time'",
    ],
    ['a system column', { schema: { ...payments.schema, xmin: number() } }, "found 'xmin'"],
    ['a field name with a space', { schema: { ...payments.schema, 'a b': number() } }, "found 'a b'"],
    ['an unknown type', { schema: { ...payments.schema, d: { type: 'date' } } }, "field 'd'"],
    ['an id that is no field', { id: 'key' }, "found 'key'. Fields that can be it: 'id', 'card'."],
    ['an id that may be null', { id: 'note' }, 'found a nullable string'],
    ['an event time that is no timestamp', { eventTime: 'amount' }, 'found a number'],
    ['an unknown known time', { knownTime: 'payload' }, "found 'payload'"],
    ['a skew that is no duration', { clockSkew: 'soon' }, "clockSkew as a duration such as '30s'"],
    ['a skew of a week', { clockSkew: '7d' }, "from '0ms' to '1d', found '7d'"],
    ['a dedupe window of a year', { dedupeWindow: '365d' }, 'expected dedupeWindow'],
    ['no partitions', { partitions: 0 }, 'from 1 to 512, found 0'],
    ['half a partition', { partitions: 1.5 }, 'found 1.5'],
  ])('find %s', (_what, change, text) => {
    expect(problemsOfSource(change)).toEqual([expect.stringContaining(text)]);
  });
});

describe('the checks of a feature view', () => {
  it.each([
    ['no features', { features: {} }, 'expected 1 to 256 features, found 0'],
    ['a version of 0', { version: 0 }, 'expected version'],
    ['too many partitions', { partitions: 513 }, 'from 1 to 512, found 513'],
    ['a key that the source lacks', { keyFields: { card: 'pan' } }, "found no field 'pan'"],
    ['a key that is no text', { keyFields: { card: 'amount' } }, "found number 'amount'"],
  ])('find %s', (_what, change, text) => {
    expect(problemsOfView(change)).toEqual([expect.stringContaining(text)]);
  });

  it.each([
    ['an unknown kind', { kind: 'median' }, "found 'median'"],
    ['a missing field', { kind: 'sum', field: 'price' }, "Fields that it can take: 'amount', 'fraud'."],
    ['a field of a wrong type', { kind: 'mean', field: 'card' }, "found string 'card'"],
    ['a window that is no duration', { window: '1w' }, "found '1w'"],
    ['a window under a minute', { window: '30s' }, "from '1m' to '90d', found '30s'"],
    ['a window over 90 days', { window: '91d' }, "found '91d'"],
    ['a window that no hop divides', { window: '60001ms' }, 'hop of whole seconds'],
    ['a hop that is no duration', { hop: 'often' }, 'expected hop as a duration'],
    ['a hop that is longer than the window', { hop: '2h' }, "found '2h'"],
    [
      'a hop that gives too many tiles',
      { window: '24h', hop: '10s' },
      'at most 4096 tiles a window, found 8640',
    ],
    ['a condition on an unknown field', { where: { price: 1 } }, "found 'price'"],
    [
      'a condition with a value of a wrong type',
      { where: { amount: '1' } },
      "compare number 'amount' with a number",
    ],
    ['an unknown operator', { where: { amount: { above: 1 } } }, "found 'above'"],
    ['an order of texts', { where: { card: { gt: 'a' } } }, "found 'gt'"],
    ['a comparison with nothing', { where: { card: {} } }, 'found {}'],
    ['an empty list', { where: { card: { in: [] } } }, 'list 1 to 1000 values, found 0 values'],
    ['a list with a wrong value', { where: { card: { in: ['a', 1] } } }, 'found 1'],
    ['isNull of a number', { where: { card: { isNull: 1 } } }, "expected 'isNull' on 'card'"],
  ])('find %s', (_what, change, text) => {
    expect(problemsOfFeature(change)).toEqual([expect.stringContaining(text)]);
  });

  it('find entities without keys, or with one twice', () => {
    const problemsOfEntity = (keys: string[], keyFields: object) =>
      problemsOfView({ entity: { ...cardEntity, keys }, keyFields });
    expect(problemsOfEntity([], {})).toEqual([
      expect.stringContaining("Entity 'card': expected 1 to 8 key fields"),
    ]);
    expect(problemsOfEntity(['card', 'card'], { card: 'card' })).toEqual([
      expect.stringContaining("'card' twice"),
    ]);
  });
});

describe('the checks of a feature service', () => {
  const compute = () => 1;
  it.each([
    ['a view twice', { views: [cards, cards] }, 'expected each view once'],
    [
      'an excluded feature that is not there',
      { exclude: ['card_activity.sum'] },
      "found 'card_activity.sum'",
    ],
    ['no features at all', { views: [], request: {} }, 'expected 1 to 4096 features, found 0'],
    ['an instant as a feature', { request: { at: timestamp() } }, "found timestamp 'at'"],
    [
      'a key with another type',
      { request: { card: number() } },
      "string (entity 'card') and number (request features)",
    ],
    [
      'on-demand features that want different types',
      { onDemand: [onDemand({ name: 'a', request: { amount: string() }, compute })] },
      "string (on-demand feature 'a') and number (request features)",
    ],
    [
      'two features of one name',
      { onDemand: [onDemand({ name: 'amount', compute })] },
      "found 'amount' twice",
    ],
    [
      'a view named like the request',
      { onDemand: [onDemand({ name: 'a', views: { request: cards }, compute })] },
      "found 'request'",
    ],
    [
      'an on-demand feature without a function',
      { onDemand: [{ ...onDemand({ name: 'a', compute }), compute: 1 }] },
      'found number',
    ],
  ])('find %s', (_what, change, text) => {
    expect(problemsOfService(change)).toEqual([expect.stringContaining(text)]);
  });
});

describe('the checks of a model', () => {
  const examples = (change: object) => ({ examples: { ...fraud.examples, ...change } });
  it.each([
    ['an example id that is no text', examples({ id: 'amount' }), "found number 'amount'"],
    [
      'a decision time that is no timestamp',
      examples({ decisionTime: { field: 'card', offset: '0s' } }),
      'expected examples.decisionTime.field as a timestamp',
    ],
    [
      'an offset that is no duration',
      examples({ decisionTime: { field: 'at', offset: '--5m' } }),
      "such as '-30m' or '0s', found '--5m'",
    ],
    [
      'a label that is no boolean',
      { label: { ...fraud.label, value: 'amount' } },
      'expected label.value as a boolean',
    ],
    ['a label id that is not there', { label: { ...fraud.label, id: 'key' } }, "found no field 'key'"],
    [
      'request fields that the example source lacks',
      {
        service: featureService({ name: 'fraud', views: [cards], request: { town: string() } }),
        segments: [],
      },
      "expected request field 'town' of feature service 'fraud' (string) in example source 'payment', found no such field",
    ],
    [
      'request fields that may be null in the example source only',
      { service: featureService({ name: 'fraud', views: [cards], request: { note: string() } }) },
      'found a nullable field',
    ],
    ['a segment that is no category', { segments: ['amount'] }, "found 'amount'. Use some of 'note'"],
    ['a hold-out that is no duration', { split: { holdout: 'much', gap: '1d' } }, 'expected split.holdout'],
    ['a training window of no time', { trainingWindow: '0s' }, 'expected trainingWindow'],
    ['layers without units', { trainer: mlp({ hidden: [64, 0] }) }, 'units of a hidden layer'],
    ['a network without layers', { trainer: mlp({ hidden: [] }) }, 'use logisticRegression()'],
    ['a dropout of everything', { trainer: mlp({ dropout: 1 }) }, 'from 0 and below 1, found 1'],
    [
      'a learning rate of 0',
      { trainer: logisticRegression({ learningRate: 0 }) },
      'above 0 and to 1, found 0',
    ],
    ['an unknown trainer', { trainer: { kind: 'forest' } }, "found 'forest'"],
    [
      'shares that do not ascend',
      { rollout: { ...fraud.rollout, canaryShares: [0.5, 0.1] } },
      'found [0.5, 0.1]',
    ],
    ['a share of everything', { rollout: { ...fraud.rollout, canaryShares: [1] } }, 'found [1]'],
    ['an error rate above 1', { rollout: { ...fraud.rollout, maxErrorRate: 2 } }, 'expected maxErrorRate'],
    ['a PSI threshold of 0', { monitor: { ...fraud.monitor, featurePsi: 0 } }, 'expected featurePsi'],
    ['a schedule without pause', { monitor: { ...fraud.monitor, every: '0s' } }, 'expected every'],
    [
      'an ignored feature that is not there',
      { monitor: { ...fraud.monitor, ignoreDrift: ['x'] } },
      "found 'x'",
    ],
  ])('find %s', (_what, change, text) => {
    expect(problemsOfModel(change)).toEqual([expect.stringContaining(text)]);
  });
});
