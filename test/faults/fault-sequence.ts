import type { SeededRandom } from '../../src/training/seeded-random.ts';
import { shuffle } from '../../src/training/seeded-random.ts';

export interface PlannedRound {
  readonly faults: readonly string[];
  /** Nothing is sent from a moment before the fault until everything was checked. */
  readonly isAtRest: boolean;
}

/**
 * Rounds drawn at random: first each fault once, in any order, then two at a time. Faults that can happen at rest do
 * so every other time.
 */
export function drawRounds(
  names: readonly string[],
  atRest: readonly string[],
  count: number,
  random: SeededRandom,
): PlannedRound[] {
  const rounds: PlannedRound[] = [];
  let deck: string[] = [];
  const draw = (): string => {
    if (deck.length === 0) {
      const order = Uint32Array.from(names.keys());
      shuffle(order, random);
      deck = Array.from(order, (at) => names[at] as string);
    }
    return deck.pop() as string;
  };
  while (rounds.length < count) {
    const faults = rounds.length < names.length ? [draw()] : [draw(), draw()];
    rounds.push({
      faults,
      isAtRest: random.uniform() < 0.5 && faults.every((name) => atRest.includes(name)),
    });
  }
  return rounds;
}
