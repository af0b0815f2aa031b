/** A module of the console's page: plain JavaScript that no type checker has seen. */
export async function pageModule<T>(name: string): Promise<T> {
  const url = new URL(`../../../console/page/${name}`, import.meta.url);
  return (await import(url.href)) as T;
}
