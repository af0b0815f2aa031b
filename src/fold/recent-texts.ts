/** A power of two. */
const PLACES = 16_384;
const LENGTH_MAX = 64;
const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/**
 * Texts of ASCII that were read lately, by their bytes: each in the place that its hash says, where a later one takes it. To find a text costs a
 * third of what making it anew does, and its own hash is known already to the maps that it is looked up in.
 */
export class RecentTexts {
  readonly #texts = new Array<string | undefined>(PLACES).fill(undefined);

  find(bytes: Uint8Array, start: number, length: number): string | undefined {
    if (length > LENGTH_MAX) return undefined;
    let hash = OFFSET_BASIS;
    for (let i = start; i < start + length; i++) hash = Math.imul(hash ^ bytes[i]!, PRIME);
    const text = this.#texts[placeOf(hash)];
    if (text?.length !== length) return undefined;
    for (let i = 0; i < length; i++) if (text.charCodeAt(i) !== bytes[start + i]) return undefined;
    return text;
  }

  keep(text: string): void {
    if (text.length > LENGTH_MAX) return;
    let hash = OFFSET_BASIS;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 128) return;
      hash = Math.imul(hash ^ unit, PRIME);
    }
    this.#texts[placeOf(hash)] = text;
  }
}

/** The upper bits too: those of short texts differ there most. */
const placeOf = (hash: number): number => (hash ^ (hash >>> 15)) & (PLACES - 1);
