export interface LogFilter {
  /** Only events known at or before it. */
  readonly knownTo?: number;
  /** Only events known after it. */
  readonly knownAfter?: number;
  /** Only events with an effective event time at or before it. */
  readonly happenedTo?: number;
  /** One source partition, from its first offset to one below `beforeOffset`. */
  readonly sourcePartition?: number;
  readonly beforeOffset?: number;
  /** Of one source partition, only events at or beyond it. */
  readonly fromOffset?: number;
  /** `known`: known time, then coordinates. `happened`: effective event time, then coordinates. `offset`: source partition, then offset. `any` spares the sort. */
  readonly order: 'known' | 'happened' | 'offset' | 'any';
}
