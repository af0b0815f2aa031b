/** The next thing to work on, by its index; undefined where none is left, or another lane has failed. */
export type Next = () => number | undefined;

/** Shares `count` things among `lanes` at one time. After a failure nothing more is given out, and all lanes are waited for: what they use may be closed then. */
export async function shareOut(lanes: number, count: number, lane: (next: Next) => Promise<void>): Promise<void> {
  let given = 0;
  const errors: unknown[] = [];
  const next: Next = () => (given < count && errors.length === 0 ? given++ : undefined);
  const go = async (): Promise<void> => {
    try {
      await lane(next);
    } catch (error) {
      errors.push(error);
    }
  };
  await Promise.all(Array.from({ length: Math.min(lanes, count) }, go));
  if (errors.length > 0) throw errors[0];
}
