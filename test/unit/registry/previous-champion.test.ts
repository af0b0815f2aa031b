import { describe, expect, it } from 'vitest';
import { previousChampionOf, type ChampionChange } from '../../../src/registry/previous-champion.ts';

const changes = (...texts: string[]): ChampionChange[] =>
  texts.map((text) => {
    const [action, champion] = text.split(' ') as [string, string];
    return { action, champion: Number(champion) };
  });

describe('the previous champion', () => {
  it('is the one promoted before', () => {
    expect(previousChampionOf(changes('promote 1', 'promote 2', 'promote 3'))).toBe(2);
  });

  it('is none before the second promotion', () => {
    expect(previousChampionOf([])).toBeNull();
    expect(previousChampionOf(changes('promote 1'))).toBeNull();
  });

  it('is never one that was rolled back', () => {
    expect(previousChampionOf(changes('promote 1', 'promote 2', 'rollback 1'))).toBeNull();
    expect(previousChampionOf(changes('promote 1', 'promote 2', 'promote 3', 'rollback 2'))).toBe(1);
    expect(previousChampionOf(changes('promote 1', 'promote 2', 'rollback 1', 'promote 3'))).toBe(1);
  });

  it('takes several off at once where a rollback names an older version', () => {
    expect(previousChampionOf(changes('promote 1', 'promote 2', 'promote 3', 'promote 4', 'rollback 2'))).toBe(1);
  });

  it('counts a version that was promoted again as new', () => {
    expect(previousChampionOf(changes('promote 1', 'promote 2', 'rollback 1', 'promote 2'))).toBe(1);
    expect(previousChampionOf(changes('promote 1', 'promote 2', 'promote 1'))).toBe(2);
  });
});
