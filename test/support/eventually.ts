import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 100;

/**
 * Asks until the answer is as wanted, and answers it.
 * @throws Error naming what was waited for and the last answer, after `timeoutMs`
 */
export async function eventually<T>(
  what: string,
  timeoutMs: number,
  ask: () => Promise<T>,
  isWanted: (answer: T) => boolean,
): Promise<T> {
  const giveUpAt = Date.now() + timeoutMs;
  for (;;) {
    let found: unknown;
    try {
      const answer = await ask();
      if (isWanted(answer)) return answer;
      found = answer;
    } catch (error) {
      found = error;
    }
    if (Date.now() > giveUpAt) {
      const text = found instanceof Error ? found.message : JSON.stringify(found);
      throw new Error(`Waited ${timeoutMs} ms for ${what}; last found: ${text}`);
    }
    await sleep(POLL_MS);
  }
}
