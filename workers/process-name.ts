/** Processes of a running Millrace, in the order in which they are started. */
export const processNames = ['orchestration', 'stream', 'training', 'serving', 'gateway', 'console'] as const;

export type ProcessName = (typeof processNames)[number];
