import { SOURCE_PARTITIONS_MAX } from '../../define/source.ts';

/** Offsets below it leave room for the partition in a double. */
export const SEQUENCE_OFFSETS_MAX = 2 ** 53 / SOURCE_PARTITIONS_MAX;

/** Orders events of one moment: by source partition, then by offset. */
export const sequenceOf = (sourcePartition: number, sourceOffset: number): number =>
  sourcePartition * SEQUENCE_OFFSETS_MAX + sourceOffset;
