/**
 * What the environment of a process must have before TensorFlow.js's native backend loads: with the contraction kernel a signal during a
 * matrix product corrupts the heap.
 */
export const nativeEnvironment = { TENSORFLOW_USE_CUSTOM_CONTRACTION_KERNEL: '0' } as const;

/** What it has unless somebody said otherwise: few words, and one thread, so that what runs beside it keeps its cores. */
export const nativeDefaults = { TF_CPP_MIN_LOG_LEVEL: '2', TF_NUM_INTRAOP_THREADS: '1' } as const;
