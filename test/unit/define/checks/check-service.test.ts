import { describe, expect, it } from 'vitest';
import { number, onDemand, string, timestamp } from '../../../../src/index.ts';
import { cards, problemsOfService } from '../payments-project.ts';

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
