import { z } from 'zod';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { SELECTION_NAMES_MAX, type OnlineSelection } from '../../src/store/online-catalog.ts';
import { bodyProblems, readTimeout } from './request-options.ts';

const names = z.array(z.string()).max(SELECTION_NAMES_MAX);
/** Fields of a body that say what is read: one of them is given. */
export const selectionFields = { service: z.string().optional(), views: names.optional(), features: names.optional() };

export interface FeatureReadForm<Body> {
  /** Starts the sentence that says what is wrong. */
  readonly what: string;
  readonly body: z.ZodType<Body>;
  readonly example: string;
  readonly timeoutMsMax: number;
}

/**
 * Reads the body of a read of features, its selection and the header `X-Request-Timeout` (ms).
 * @throws REQUEST_INVALID with all problems
 */
export function parseFeatureRead<Body extends Selecting>(
  { what, body, example, timeoutMsMax }: FeatureReadForm<Body>,
  found: unknown,
  timeoutHeader: string | string[] | undefined,
): { readonly body: Body; readonly selection: OnlineSelection; readonly timeoutMs: number | undefined } {
  const problems: string[] = [];
  const parsed = body.safeParse(found);
  if (!parsed.success) problems.push(bodyProblems(parsed.error));
  const selection = parsed.success ? selectionOf(parsed.data) : undefined;
  if (parsed.success && selection === undefined) problems.push("body: expected exactly one of 'service', 'views' and 'features'");
  const timeoutMs = readTimeout(timeoutHeader, timeoutMsMax, problems);
  if (!parsed.success || selection === undefined || problems.length > 0)
    throw new MillraceError('REQUEST_INVALID', `${what} is wrong: ${problems.join('; ')}. Send ${example}.`);
  return { body: parsed.data, selection, timeoutMs };
}

type Selecting = z.output<z.ZodObject<typeof selectionFields>>;

/** The one of the three that is given; undefined where it is none or several. */
function selectionOf({ service, views, features }: Selecting): OnlineSelection | undefined {
  const given = [
    ...(service === undefined ? [] : [{ service }]),
    ...(views === undefined ? [] : [{ views }]),
    ...(features === undefined ? [] : [{ features }]),
  ];
  return given.length === 1 ? given[0] : undefined;
}
