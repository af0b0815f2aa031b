import type { Environment } from './settings.ts';

/** The environment of this process, for composition roots: everything below them gets settings as arguments. */
export const processEnvironment = (): Environment => process.env;
