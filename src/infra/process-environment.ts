import type { Environment } from './settings.ts';

/** The environment of this process, for composition roots: everything below them gets settings as arguments. */
export const processEnvironment = (): Environment => process.env;

/** For libraries that read the environment when they load. Variables are set for this process and for those that it starts. */
export function setEnvironment(values: Readonly<Record<string, string>>): void {
  Object.assign(process.env, values);
}
