import type { LoadedBundle } from './bundle.ts';
import type { Registry } from './registry.ts';

/** The bundle of a model's champion, or null where it has none. @throws MillraceError MODEL_BUNDLE_CORRUPT */
export async function readChampion(
  registry: Pick<Registry, 'getAllocation' | 'readBundle'>,
  model: string,
): Promise<LoadedBundle | null> {
  const champion = (await registry.getAllocation(model))?.champion ?? null;
  return champion === null ? null : registry.readBundle(model, champion);
}
