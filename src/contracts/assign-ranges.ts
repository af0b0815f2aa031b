import { EXPERIMENT_BUCKETS, bucketsOf, type BucketRange, type ExperimentArm } from './experiment.ts';

interface Piece {
  readonly from: number;
  readonly to: number;
}

const lengthOf = ({ from, to }: Piece): number => to - from;

/**
 * Gives each arm the buckets of its share, exactly, with as few buckets as possible in other hands than before: an arm that
 * grows keeps all of its buckets, one that shrinks gives some up, and what it gave up is taken before what nobody had.
 * No function of the shares alone does this: where several arms grow at once, the ranges of one would have to jump over
 * those of another.
 * @param previous ascending and apart; an arm that `arms` no longer has gives up all of its buckets
 * @param arms shares in whole buckets, adding up to 1 at most
 * @returns ascending, apart, and none of one arm right behind another of the same
 */
export function assignRanges(previous: readonly BucketRange[], arms: readonly Pick<ExperimentArm, 'name' | 'share'>[]): BucketRange[] {
  const wanted = new Map(arms.map(({ name, share }) => [name, bucketsOf(share)]));
  const kept: BucketRange[] = [];
  const given: Piece[] = [];
  for (const arm of new Set(previous.map((range) => range.arm))) {
    const owned = previous.filter((range) => range.arm === arm);
    const surplus = owned.reduce((sum, range) => sum + lengthOf(range), 0) - (wanted.get(arm) ?? 0);
    const split = giveUp(owned, Math.max(0, surplus));
    kept.push(...split.kept);
    given.push(...split.given);
  }
  const pool = [...inOrder(given), ...gapsOf(previous)];
  for (const { name } of arms) {
    const owned = kept.filter(({ arm }) => arm === name).reduce((sum, range) => sum + lengthOf(range), 0);
    kept.push(...take(pool, (wanted.get(name) ?? 0) - owned).map((piece) => ({ arm: name, ...piece })));
  }
  return joined(inOrder(kept));
}

/** Gives up the smallest ranges whole, so that what is left stays in few pieces; of the last one its end. */
function giveUp(owned: readonly BucketRange[], surplus: number): { kept: BucketRange[]; given: Piece[] } {
  const kept: BucketRange[] = [];
  const given: Piece[] = [];
  let left = surplus;
  for (const range of owned.toSorted((a, b) => lengthOf(a) - lengthOf(b) || b.from - a.from)) {
    const cut = range.to - Math.min(left, lengthOf(range));
    left -= range.to - cut;
    if (cut > range.from) kept.push({ ...range, to: cut });
    if (cut < range.to) given.push({ from: cut, to: range.to });
  }
  return { kept, given };
}

/** Takes buckets from the beginning of the pool, which it changes. */
function take(pool: Piece[], buckets: number): Piece[] {
  const taken: Piece[] = [];
  let left = buckets;
  while (left > 0) {
    const piece = pool.shift();
    if (piece === undefined) return taken;
    const cut = Math.min(piece.from + left, piece.to);
    taken.push({ from: piece.from, to: cut });
    left -= cut - piece.from;
    if (cut < piece.to) pool.unshift({ from: cut, to: piece.to });
  }
  return taken;
}

/** What no range has. */
function gapsOf(ranges: readonly Piece[]): Piece[] {
  const ends = [0, ...ranges.map(({ to }) => to)];
  const starts = [...ranges.map(({ from }) => from), EXPERIMENT_BUCKETS];
  return ends.map((from, i) => ({ from, to: starts[i] as number })).filter((gap) => gap.to > gap.from);
}

const inOrder = <P extends Piece>(pieces: readonly P[]): P[] => pieces.toSorted((a, b) => a.from - b.from);

function joined(ranges: readonly BucketRange[]): BucketRange[] {
  const result: BucketRange[] = [];
  for (const range of ranges) {
    const last = result.at(-1);
    if (last?.arm === range.arm && last.to === range.from) result[result.length - 1] = { ...last, to: range.to };
    else result.push(range);
  }
  return result;
}
