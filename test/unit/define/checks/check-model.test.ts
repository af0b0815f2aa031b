import { describe, expect, it } from 'vitest';
import { featureService, logisticRegression, mlp, string } from '../../../../src/index.ts';
import { cards, fraud, problemsOfModel } from '../payments-project.ts';

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
        rollout: { ...fraud.rollout, segments: [] },
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
    ['no rows in a batch', { serving: { batchRowsMax: 0 } }, 'serving: expected batchRowsMax as a whole number from 1 to 65536, found 0'],
    ['half an instance', { serving: { instances: 0.5 } }, 'expected instances as a whole number from 1 to 32, found 0.5'],
    ['no threads', { serving: { threads: 0 } }, 'expected threads as a whole number from 1 to 64, found 0'],
    ['a wait of minutes', { serving: { minimumWait: '2m' } }, "serving: expected minimumWait"],
    ['a queue that holds no batch', { serving: { batchRowsMax: 64, queueRowsMax: 32 } }, 'queueRowsMax of at least batchRowsMax (64), found 32'],
    ['sizes that do not ascend', { serving: { minimumWait: '2ms', preferredRows: [8, 4] } }, 'ascending whole numbers from 1 to 65536 (batchRowsMax), found [8, 4]'],
    ['a size beyond a batch', { serving: { batchRowsMax: 4, minimumWait: '2ms', preferredRows: [8] } }, 'from 1 to 4 (batchRowsMax), found [8]'],
    ['no sizes', { serving: { minimumWait: '2ms', preferredRows: [] } }, 'expected preferredRows as 1 to 16'],
    ['a cache that is none', { serving: { cache: 'disk' } }, 'serving: expected cache as one of off, memory, redis, found "disk"'],
    ['a cache without rows', { serving: { cache: 'memory', cacheRowsMax: 0 } }, 'serving: expected cacheRowsMax as a whole number from 1 to 10000000, found 0'],
    ['scores that are kept for days', { serving: { cacheTtl: '2d' } }, 'serving: expected cacheTtl'],
    ['sizes without a wait', { serving: { preferredRows: [8] } }, 'expected a minimumWait with preferredRows, found none'],
    [
      'a certificate without a canary',
      { rollout: { ...fraud.rollout, requireCertificate: true, canaryShares: [] } },
      'expected a canary step where requireCertificate is true',
    ],
    ['an audit of no decisions', { audit: { every: '1h', sample: 0 } }, 'expected sample as a whole number'],
    ['an audit without pause', { audit: { every: '1s', sample: 10 } }, "expected every from '10s'"],
    ['a segment that a request does not carry', { rollout: { ...fraud.rollout, segments: ['note', 'color'] } }, "carries, found 'color'. Use some of 'card', 'note'"],
    ['a segment by a number', { rollout: { ...fraud.rollout, segments: ['amount'] } }, "carries, found number 'amount'"],
    ['a segment twice', { rollout: { ...fraud.rollout, segments: ['note', 'note'] } }, 'at most 5 different fields, found [note, note]'],
    ['a flip rate above 1', { rollout: { ...fraud.rollout, maxFlipRate: 2 } }, 'expected maxFlipRate'],
    ['segments without values', { rollout: { ...fraud.rollout, segmentValuesMax: 0 } }, 'expected segmentValuesMax as a whole number from 1 to 100, found 0'],
    ['segments of a few answers', { rollout: { ...fraud.rollout, segmentAnswersMin: 29 } }, 'expected segmentAnswersMin as a whole number from 30'],
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
