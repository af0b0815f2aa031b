import { median } from '../../measure/quantile.ts';
import type { LoadFigures } from '../../measure/load-spec.ts';
import type { Served } from '../peers/served.ts';
import { withCpu } from './with-cpu.ts';

export interface PairedSide {
  readonly server: Served;
  readonly load: (round: number) => Promise<LoadFigures>;
}

export interface Paired {
  /** Medians of the rounds. */
  readonly rates: readonly [before: number, after: number];
  readonly cpuMs: readonly [before: number, after: number];
  /** What the second side gives less than the first, as a share, by the median of the pairs. */
  readonly slowdown: number;
  /** What the second side takes more of CPU a request, in the same way: other work on the machine counts less. */
  readonly cpuIncrease: number;
}

/** Two sides in turns (A, B, A, B, ...), so that what the machine does meanwhile falls on both. */
export async function runPaired(sides: readonly [PairedSide, PairedSide], rounds: number): Promise<Paired> {
  const rates: [number[], number[]] = [[], []];
  const cpus: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    for (const [i, { server, load }] of sides.entries()) {
      const { rate, cpuMs } = await withCpu(server, () => load(round));
      rates[i]!.push(rate);
      cpus[i]!.push(cpuMs);
    }
  }
  const ratios = ([a, b]: readonly [number[], number[]]): number => median(a.map((one, i) => b[i]! / one));
  return {
    rates: [median(rates[0]), median(rates[1])],
    cpuMs: [median(cpus[0]), median(cpus[1])],
    slowdown: 1 - ratios(rates),
    cpuIncrease: ratios(cpus) - 1,
  };
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
