import { z } from 'zod';
import { MillraceError } from '../../src/core/millrace-error.ts';

/** Which rows of a list are asked for. */
export interface Page {
  readonly limit: number;
  /** Rows with a smaller number only; null: from the newest on. */
  readonly before: number | null;
}

/** A list that does not page takes no `before`. */
export interface PageRules {
  readonly limitDefault: number;
  readonly limitMax: number;
  readonly pages: boolean;
}

const whole = (max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .pipe(z.number().min(1).max(max));

/**
 * Reads the query of a list.
 * @throws MillraceError REQUEST_INVALID with all problems
 */
export function parsePage(query: unknown, { limitDefault, limitMax, pages }: PageRules): Page {
  const limit = whole(limitMax).default(limitDefault);
  const parsed = pages
    ? z.strictObject({ limit, before: whole(Number.MAX_SAFE_INTEGER).optional() }).safeParse(query)
    : z.strictObject({ limit }).safeParse(query);
  if (parsed.success) {
    const { before } = parsed.data as { before?: number };
    return { limit: parsed.data.limit, before: before ?? null };
  }
  const expected: Readonly<Record<string, string>> = {
    limit: `expected one whole number from 1 to ${limitMax}`,
    before: "expected the 'before' of the page above, one whole number",
  };
  const given = query as Readonly<Record<string, unknown>>;
  const problems = parsed.error.issues.flatMap((issue) =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((key) => `'${key.slice(0, 40)}' is no parameter here`)
      : issue.path.map(
          (name) =>
            `${String(name)}: ${expected[String(name)]}, found '${String(given[String(name)]).slice(0, 40)}'`,
        ),
  );
  throw new MillraceError(
    'REQUEST_INVALID',
    `The query is wrong: ${[...new Set(problems)].join('; ')}. It takes limit${pages ? ' and before' : ''}.`,
  );
}
