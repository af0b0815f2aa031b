export interface MaterializeInput {
  readonly namespace: string;
  readonly view: string;
  readonly version: number;
}

export const materializeQueries = { progress: 'progress' } as const;

export interface MaterializeProgress {
  readonly partitions: number;
  readonly done: number;
  readonly keys: number;
  readonly events: number;
}

export interface MaterializeResult {
  readonly view: string;
  readonly keys: number;
  readonly events: number;
}
