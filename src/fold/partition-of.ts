import { fnv1a32 } from '../core/fnv1a.ts';

/** Partition of a view, 0 to `partitions` - 1, that holds an entity key. Fixed for ever: states are found by it. */
export function partitionOf(key: string, partitions: number): number {
  return fnv1a32(key) % partitions;
}

/** All partitions of a view. */
export const partitionsOf = ({ partitions }: { readonly partitions: number }): number[] =>
  Array.from({ length: partitions }, (_, partition) => partition);
