import type { Role } from '../../contracts/access.ts';

/** What a route or a method asks of its caller. */
export type AccessRule =
  | 'anybody'
  | {
      readonly role: Role;
      /** Whether it is refused where no access control is configured, when everything else is open. */
      readonly refusedUnguarded: boolean;
    };

export const predict: AccessRule = { role: 'predict', refusedUnguarded: false };
export const ingest: AccessRule = { role: 'ingest', refusedUnguarded: false };
export const operate: AccessRule = { role: 'operate', refusedUnguarded: false };
/** For what changes the process: there has to be somebody to hold to account. */
export const operateGuarded: AccessRule = { role: 'operate', refusedUnguarded: true };

/** Who asks, as a key or a token says. */
export interface Caller {
  readonly roles: ReadonlySet<Role>;
}
