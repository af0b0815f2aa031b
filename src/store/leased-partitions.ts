import { isMillraceError } from '../core/millrace-error.ts';
import type { ViewProgram } from '../fold/compile-view.ts';
import { partitionOf } from '../fold/partition-of.ts';
import { claimPartition, withinTopic, type LeaseDeps, type PartitionLease } from './partition-lease.ts';
import type { EncodedState } from './state-cache.ts';
import type { ViewPosition } from './view-position.ts';

/** Partitions of one view that a rebuild holds: those that somebody else has, or takes over, are `busy` and left alone. */
export class LeasedPartitions {
  readonly #program: ViewProgram;
  readonly #leases: Map<number, PartitionLease>;
  readonly #busy = new Set<number>();

  private constructor(program: ViewProgram, leases: Map<number, PartitionLease>) {
    this.#program = program;
    this.#leases = leases;
  }

  /** @param token who holds them, as `claimPartition` has it */
  static async claim(
    deps: LeaseDeps,
    program: ViewProgram,
    partitions: readonly number[],
    token: string,
  ): Promise<LeasedPartitions> {
    const leases = new Map<number, PartitionLease>();
    const leased = new LeasedPartitions(program, leases);
    await leased.#each(partitions, async (partition) => {
      const lease = await claimPartition(deps, program, partition, token, async (found) => ({
        base: await withinTopic(deps, program, partition, found),
      }));
      leases.set(partition, lease);
    });
    return leased;
  }

  has(partition: number): boolean {
    return this.#leases.has(partition);
  }

  get count(): number {
    return this.#leases.size;
  }

  get busy(): number[] {
    return [...this.#busy].sort((a, b) => a - b);
  }

  /** Where the live consumers of the partitions go on. */
  get bases(): ViewPosition[] {
    return [...this.#leases.values()].map(({ base }) => base);
  }

  /** Writes states of partitions that are held, and renews what is written; states of others are passed over. */
  async write(states: readonly EncodedState[]): Promise<void> {
    const byPartition = new Map<number, EncodedState[]>();
    for (const state of states) {
      const partition = partitionOf(state.entityKey, this.#program.partitions);
      const own = byPartition.get(partition);
      if (own === undefined) byPartition.set(partition, [state]);
      else own.push(state);
    }
    await this.#each(byPartition.keys(), async (partition) => this.#leases.get(partition)?.write(byPartition.get(partition)!));
  }

  /** Renews the leases that nothing was written under for long. */
  async renew(): Promise<void> {
    for (const [partition, lease] of this.#leases) {
      if (lease.isDue) await this.#each([partition], () => lease.write([]));
    }
  }

  /** Ends the leases: each live consumer goes on from what `positionOf` says of its partition. */
  async finish(positionOf: (base: ViewPosition, partition: number) => ViewPosition): Promise<void> {
    await this.#each([...this.#leases.keys()], async (partition) => {
      const lease = this.#leases.get(partition)!;
      await lease.finish(positionOf(lease.base, partition));
    });
  }

  async #each(partitions: Iterable<number>, work: (partition: number) => Promise<void>): Promise<void> {
    const attempts = Array.from(partitions, async (partition) => {
      try {
        await work(partition);
      } catch (error) {
        if (!isMillraceError(error) || error.code !== 'STORE_REBUILD_BUSY') throw error;
        this.#leases.delete(partition);
        this.#busy.add(partition);
      }
    });
    const failed = (await Promise.allSettled(attempts)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason as Error;
  }
}
