import { project } from '../../../src/define/project.ts';
import type { Model } from '../../../src/define/model.ts';
import { delayModel } from './tiny-project.ts';

/** Rows of `troubled` that may wait. */
export const TROUBLED_QUEUE_ROWS = 42;
/** Rows of one of its batches. */
export const TROUBLED_BATCH_ROWS = 4;

const troubledModel: Model = {
  ...delayModel,
  name: 'troubled',
  serving: { batchRowsMax: TROUBLED_BATCH_ROWS, queueRowsMax: TROUBLED_QUEUE_ROWS },
};

/** `delay` answers; `troubled` does what its rows ask of it. */
export const troubledProject = project({ name: 'tiny', models: [delayModel, troubledModel] });
