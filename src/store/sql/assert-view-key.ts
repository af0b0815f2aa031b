import { MillraceError } from '../../core/millrace-error.ts';
import type { FeatureView } from '../../define/feature-view.ts';
import { isStorable } from './literals.ts';

/** @throws MillraceError REQUEST_INVALID where the values are no key of the view's entity */
export function assertViewKey({ name, entity }: FeatureView, key: readonly string[]): void {
  const { keys } = entity;
  if (key.length === keys.length && key.every(isStorable)) return;
  throw new MillraceError(
    'REQUEST_INVALID',
    `Feature view '${name}': expected the key of entity '${entity.name}' as ${keys.length} ${keys.length === 1 ? 'text' : 'texts'} (${keys.join(', ')}) without NUL, found ${key.length}. Give its values in that order.`,
  );
}
