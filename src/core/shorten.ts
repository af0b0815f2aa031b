const LENGTH_MAX = 200;
const NAMES_MAX = 20;

/** A text that a caller chose, short enough for a message: how long it is must not make the message as long. */
export const shorten = (text: string, lengthMax = LENGTH_MAX): string => (text.length > lengthMax ? `${text.slice(0, lengthMax)}...` : text);

/** Names that a caller chose, as `'a', 'b' and 3 more`. */
export function shortList(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_MAX).map((name) => `'${shorten(name)}'`).join(', ');
  return names.length > NAMES_MAX ? `${shown} and ${names.length - NAMES_MAX} more` : shown;
}
