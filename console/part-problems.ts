import { isMillraceError, messageOf } from '../src/core/millrace-error.ts';

/** A part of an answer that could not be read. */
export interface PartProblem {
  readonly what: string;
  readonly message: string;
  readonly code: string;
}

/** Collects what could not be read, so that it is missing from the answer and named there, and the rest is shown. */
export class PartProblems {
  readonly list: PartProblem[] = [];

  /** What `reading` gives, or null and a problem of that name. */
  async attempt<T>(what: string, reading: Promise<T>): Promise<T | null> {
    try {
      return await reading;
    } catch (error) {
      const code = isMillraceError(error) ? error.code : 'UNEXPECTED';
      this.list.push({ what, message: messageOf(error), code });
      return null;
    }
  }
}
