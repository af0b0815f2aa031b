/** Longer than the server lets a reading take. */
const TIMEOUT_MS = 8_000;
const ANSWERS_MAX = 60;
const answers = new Map();

/** What the server refused, in its own words. */
export class Refusal extends Error {
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/**
 * The answer at a path. One that has not changed is the very same object again, so that nothing is drawn anew.
 * @throws Refusal where the server says no, anything else where it does not answer
 */
export async function read(path) {
  const known = answers.get(path);
  const response = await fetch(path, {
    cache: 'no-store',
    headers: known === undefined ? {} : { 'if-none-match': known.etag },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (response.status === 304 && known !== undefined) return known.body;
  const body = await response.json();
  if (!response.ok) throw new Refusal(body.error, body.code);
  answers.delete(path);
  answers.set(path, { etag: response.headers.get('etag'), body });
  if (answers.size > ANSWERS_MAX) answers.delete(answers.keys().next().value);
  return body;
}

/** The answer, or `{ problem }` where the server refused: a panel shows it in place of its content. */
export async function readPanel(path) {
  try {
    return await read(path);
  } catch (error) {
    if (error instanceof Refusal) return { problem: { message: error.message, code: error.code } };
    throw error;
  }
}
