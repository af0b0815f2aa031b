import { describe, expect, it } from 'vitest';
import { checkExperiment, checkShareChange, checkStart, withShares } from '../../../src/contracts/check-experiment.ts';
import { experimentOf } from '../../support/serving/experiment-of.ts';

const arms = [
  { name: 'control', version: 1, share: 0.1 },
  { name: 'new', version: 2, share: 0.2 },
];
const good = { name: 'a-1', arms, control: 'control', metric: 'log-loss' } as const;
const arm = (name: string, share: number) => ({ name, version: 1, share });

describe('an experiment as asked for', () => {
  it('is right where nothing is said against it, shares that binary fractions do not have among them', () => {
    expect(checkExperiment(good)).toEqual([]);
    expect(checkExperiment({ ...good, arms: [arm('control', 0.1), arm('b', 0.2), arm('c', 0.7)] })).toEqual([]);
    expect(checkExperiment({ ...good, arms: [arm('control', 0.0001), arm('b', 0)] })).toEqual([]);
  });

  it.each([
    [{ name: 'Big' }, "name 'Big': expected up to 40 small letters"],
    [{ name: 'a/b' }, "name 'a/b'"],
    [{ name: 'x'.repeat(41) }, 'expected up to 40'],
    [{ metric: 'clicks' as 'brier' }, "metric 'clicks': expected one of log-loss, brier, outcome-rate"],
    [{ arms: [arm('control', 1)] }, '1 arms: expected 2 to 8'],
    [{ arms: Array.from({ length: 9 }, (_, i) => arm(i === 0 ? 'control' : `a${i}`, 0.1)) }, '9 arms'],
    [{ arms: [arm('control', 0.1), { ...arm('b', 0.1), version: 0 }] }, "arm 'b': version 0, expected a whole number from 1 to 2147483647"],
    [{ control: 'other' }, "control 'other': it is none of the arms 'control', 'new'"],
    [{ arms: [arm('control', 0.1), arm('b', 0.00005)] }, "arm 'b': share 0.00005, expected 0 to 1 in steps of 0.0001"],
    [{ arms: [arm('control', 0.1), arm('b', -0.1)] }, "arm 'b': share -0.1"],
    [{ arms: [arm('control', 0.1), arm('b', NaN)] }, "arm 'b': share NaN"],
    [{ arms: [arm('control', 0), arm('b', 0.1)] }, "arm 'control': it is the control and needs a share above 0"],
    [{ arms: [arm('control', 0.6), arm('b', 0.5)] }, 'shares add up to 1.1, expected 1 at most'],
  ])('%j is wrong, and said to be', (over, problem) => {
    expect(checkExperiment({ ...good, ...over })).toEqual([expect.stringContaining(problem)]);
  });
});

describe('what a signal carries that is no experiment', () => {
  it('is told what it should be', () => {
    const shapes = ['name: expected a text', 'control: expected the name of an arm', 'arms: expected a list of { name, version, share }'];
    expect(checkExperiment({} as never)).toEqual(shapes);
    for (const wrong of [null, 'x', [null], [1], [{ name: 'a' }], [{ name: 1, share: 0.5 }]]) {
      expect(checkExperiment({ ...good, arms: wrong as never })).toEqual(shapes.slice(2));
    }
    for (const wrong of [undefined, null, 0.5, { new: '0.5' }]) {
      expect(checkShareChange(experimentOf('a-1', arms), { experiment: 'a-1', shares: wrong as never, requestedBy: 'x', reason: 'y' })).toEqual([
        'shares: expected an object of arms and their shares',
      ]);
    }
  });
});

describe('new shares', () => {
  const running = experimentOf('a-1', arms);
  const request = { experiment: 'a-1', shares: { new: 0.4 }, requestedBy: 'x', reason: 'y' };

  it('leave arms that are not named as they are', () => {
    expect(checkShareChange(running, request)).toEqual([]);
    expect(withShares(arms, { new: 0.4 }).map(({ share }) => share)).toEqual([0.1, 0.4]);
    // Not a property that every object has.
    expect(withShares([arm('constructor', 0.1)], {})[0]?.share).toBe(0.1);
  });

  it('are refused together with what else is wrong', () => {
    expect(checkShareChange(running, { ...request, experiment: 'b', shares: { other: 0.1, new: 1.5 } })).toEqual([
      "experiment 'b' does not run: 'a-1' does",
      "arm 'other': it is none of the arms 'control', 'new'",
      "arm 'new': share 1.5, expected 0 to 1 in steps of 0.0001",
      'shares add up to 1.6, expected 1 at most',
    ]);
  });
});

describe('the start of an experiment', () => {
  const serving = { model: 'm', revision: 1, champion: 1, canary: null, shadow: null };

  it('needs a champion and nothing beside it', () => {
    expect(checkStart(serving)).toEqual([]);
    expect(checkStart(null)[0]).toContain('no champion');
    expect(checkStart({ ...serving, champion: null })[0]).toContain('no champion');
    expect(checkStart({ ...serving, canary: { version: 2, share: 0.1 }, shadow: 3, experiment: experimentOf('runs', arms) })).toEqual([
      "experiment 'runs' runs: end it first",
      'version 2 is the canary: a rollout and an experiment exclude each other',
      'version 3 is the shadow: a rollout and an experiment exclude each other',
    ]);
  });
});
