/**
 * One kind of partial aggregate: the associative, commutative part of an aggregation, held in `width`
 * float64 slots of a tile. Aggregations that need the same intermediate result share its slots.
 *
 * All arguments are arrays and places in them, never numbers that V8 would have to box: these are the
 * innermost loops of the pipeline.
 */
export interface Intermediate {
  /** Two of one name are the same computation: it tells the parameters too. */
  readonly name: string;
  readonly width: number;
  /** `width` values; merging with them changes nothing. */
  readonly identity: readonly number[];
  /**
   * Adds one event to the slots at `at`. Called only where `inputs[input]` is not null (NaN).
   * `times` holds the event's effective event time and its known time.
   */
  update(slots: Float64Array, at: number, inputs: Float64Array, input: number, times: Float64Array): void;
  /** Takes one event back that was or will be added; absent where that can't be. What both leave is what neither came to. */
  retract?(slots: Float64Array, at: number, inputs: Float64Array, input: number, times: Float64Array): void;
  /** Merges `count` neighbouring tiles, whose slots begin at `at` and lie `stride` apart, into `into`. */
  mergeTiles(
    into: Float64Array,
    intoAt: number,
    tiles: Float64Array,
    at: number,
    stride: number,
    count: number,
  ): void;
}
