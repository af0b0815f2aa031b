export interface ReplayRequest {
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly fromKnownTime: number;
}

/** A replay that was asked for and is not done. */
export interface RefusedReplay {
  readonly at: number;
  /** null: what was asked for is no replay. */
  readonly request: ReplayRequest | null;
  readonly why: string;
}
