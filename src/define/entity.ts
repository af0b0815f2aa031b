/** What a row of features is about. Its key is some string fields; with none, all events are of one entity: a global view. */
export interface Entity<Name extends string = string, Key extends string = string> {
  readonly kind: 'entity';
  readonly name: Name;
  /** Names of the key fields, in order. */
  readonly keys: readonly Key[];
}

export function entity<const Name extends string, const Key extends string>(definition: {
  name: Name;
  /** In order; `[]` for one entity that every event belongs to. */
  keys: readonly Key[];
}): Entity<Name, Key> {
  return { kind: 'entity', name: definition.name, keys: definition.keys };
}

const SEPARATOR = '\u001f';

/** One text per key: the values in order, joined by the unit separator; null where one is missing. Without key fields, the empty text. */
export function entityKeyOf(
  keyFields: readonly string[],
  row: Readonly<Record<string, unknown>>,
): string | null {
  if (keyFields.length === 1) {
    const value = row[keyFields[0] as string];
    return typeof value === 'string' ? value : null;
  }
  let key = '';
  for (let i = 0; i < keyFields.length; i++) {
    const value = row[keyFields[i] as string];
    if (typeof value !== 'string') return null;
    key += i === 0 ? value : SEPARATOR + value;
  }
  return key;
}

/** The values of a key's fields, joined as `entityKeyOf` joins them. */
export const joinEntityKey = (values: readonly string[]): string => values.join(SEPARATOR);
/** The values that a key was joined of. */
export const splitEntityKey = (key: string): string[] => key.split(SEPARATOR);
/** A key for people to read. */
export const shownEntityKey = (key: string): string => key.replaceAll(SEPARATOR, '/');
