import type { RuntimeRole } from '../contracts/model-bundle.ts';
import type { JsonValue } from '../core/json.ts';
import type { BackendName } from '../tensorflow/tensorflow-backend.ts';
import type { Champion } from './champion.ts';
import type { TrainingProgress } from './train-model.ts';
import type { TrainingPlan } from './training-plan.ts';

/** What a training process is told; bytes travel as files. */
export interface TrainJob {
  readonly plan: TrainingPlan;
  readonly dataCut: number;
  readonly trigger: string;
  readonly reason: string;
  /** Path of an encoded training set. */
  readonly trainingSet: string;
  /** Its graph by path. */
  readonly champion: (Omit<Champion, 'graph'> & { readonly graph: { readonly role: RuntimeRole; readonly file: string } }) | null;
  /** Existing directory for the bundle's files. */
  readonly output: string;
  readonly addon: string | null;
  readonly backends: readonly BackendName[] | null;
}

export type ChildMessage =
  | {
      readonly type: 'backend';
      readonly name: BackendName;
      readonly rejected: readonly { readonly name: string; readonly reason: string }[];
    }
  | { readonly type: 'progress'; readonly progress: TrainingProgress }
  | { readonly type: 'done' }
  | {
      readonly type: 'failed';
      /** Null for anything but a MillraceError. */
      readonly code: string | null;
      readonly message: string;
      readonly details: Readonly<Record<string, JsonValue>>;
    };
