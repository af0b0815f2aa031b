import { MillraceError } from '../core/millrace-error.ts';

/**
 * What `reading` gives within the limit.
 * @param elapsedMs how much of the limit is gone already, where somebody else began the reading
 * @throws MillraceError STATUS_TIMED_OUT naming the part of the status
 */
export async function inTime<T>(
  part: string,
  limitMs: number,
  reading: Promise<T>,
  elapsedMs = 0,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => {
        reject(
          new MillraceError(
            'STATUS_TIMED_OUT',
            `Status of ${part}: no answer within ${limitMs / 1_000} s. Check that its server and its process run.`,
          ),
        );
      },
      Math.max(0, limitMs - elapsedMs),
    );
  });
  // Once the time is up nobody waits for it: its failure must not bring the process down.
  reading.catch(() => undefined);
  try {
    return await Promise.race([reading, late]);
  } finally {
    clearTimeout(timer);
  }
}
