/** What a process does for the others of its group. */
export interface GroupMember {
  /** Of this process alone. */
  readonly isReady: () => boolean;
  /** Of this process alone, as Prometheus text. */
  readonly metrics: () => Promise<string>;
  /** @throws MODEL_NOT_FOUND, SERVING_VERSION_REJECTED, MODEL_NOT_READY */
  readonly control: (action: ControlAction, model: string) => Promise<void>;
}

export const controlActions = ['load', 'unload'] as const;
export type ControlAction = (typeof controlActions)[number];

/** The serving processes of this machine that listen on the same port, seen from one of them. */
export interface Peers {
  /** Which place in the group this process has, from `1`: a label of its metrics, the same after a restart. */
  readonly member: string;
  /** Whether all of them are ready, this one included. */
  readonly ready: boolean;
  /** From here on the others reach this process. */
  join(self: GroupMember, addresses: { readonly url: string; readonly grpcAddress: string }): void;
  /** Metrics of all of them, as Prometheus text. @throws MillraceError SERVING_GROUP_UNAVAILABLE */
  metrics(): Promise<string>;
  /** Has all others do what this process did. @throws MillraceError, also SERVING_GROUP_UNAVAILABLE */
  control(action: ControlAction, model: string): Promise<void>;
}
