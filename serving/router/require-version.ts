import { MillraceError } from '../../src/core/millrace-error.ts';
import { shorten } from '../../src/core/shorten.ts';
import { assertReady } from '../served-model.ts';
import type { ModelRouter, RoutedVersion } from './model-router.ts';

interface Routed<Version extends RoutedVersion> {
  readonly name: string;
  readonly router: ModelRouter<Version>;
}

/** The named version, or the champion; undefined where it is not loaded. */
export const findVersion = <Version extends RoutedVersion>({ router }: Pick<Routed<Version>, 'router'>, version: string | undefined): Version | undefined =>
  version === undefined ? (router.routes.champion ?? undefined) : router.loaded.find((target) => String(target.version) === version);

/** @throws MODEL_VERSION_NOT_FOUND, MODEL_NOT_READY */
export function requireVersion<Version extends RoutedVersion>(model: Routed<Version>, version: string | undefined): Version {
  const target = findVersion(model, version);
  if (target !== undefined) return target;
  if (version === undefined || model.router.unloaded) assertReady(model);
  const loaded = model.router.loaded.map((one) => one.version).join(', ') || 'none';
  throw new MillraceError('MODEL_VERSION_NOT_FOUND', `Model '${model.name}' version '${shorten(String(version))}' is not loaded here. Loaded are ${loaded}.`);
}
