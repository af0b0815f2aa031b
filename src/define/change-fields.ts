import { number, string } from './field.ts';

/** Field of a changing source's rows: 1 where the row was added, -1 where it is taken back. */
export const CHANGE_SIGN = 'change_sign';
/** Field of a changing source's rows: the id of the change, by which a redelivery is known. */
export const CHANGE_ID = 'change_id';

/** What each row of a changing source has beside the fields that its user names. */
export const changeFields = { [CHANGE_ID]: string(), [CHANGE_SIGN]: number() } as const;
