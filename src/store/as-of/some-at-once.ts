/** Works on each of `count` things, on `limit` at one time. After a failure no more are begun, and those under way are waited for: what they use may be closed then. */
export async function someAtOnce(limit: number, count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  let failed: { readonly error: unknown } | null = null;
  const go = async (): Promise<void> => {
    while (next < count && failed === null) {
      try {
        await work(next++);
      } catch (error) {
        failed ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, count) }, go));
  if (failed !== null) throw (failed as { readonly error: unknown }).error;
}
