import { hashValue } from './hash-value.ts';

/** Characters of ASCII that find room in a code, seven bits each. */
const PACKED_LENGTH_MAX = 7;
const CHARACTER_END = 128;
/** Codes from here on are hashes. */
const HASH_START = 2 ** 52;

/**
 * A text as a whole number below 2^53; NaN for null. A text of up to seven characters of ASCII is written as the number that
 * its characters are the digits of, and can be read again; any other is 52 bits of its hash, where two of n texts collide with a
 * probability of about n^2 / 2^53. Fixed for ever: states and frames carry it.
 */
export function codeOfText(value: unknown): number {
  if (typeof value !== 'string') return NaN;
  if (value.length > PACKED_LENGTH_MAX) return hashCode(value);
  let code = 0;
  for (let i = value.length - 1; i >= 0; i--) {
    const character = value.charCodeAt(i);
    // NUL would be no digit of its own.
    if (character === 0 || character >= CHARACTER_END) return hashCode(value);
    code = code * CHARACTER_END + character;
  }
  return code;
}

/** The text of a code; null where the code is a hash. */
export function textOfCode(code: number): string | null {
  if (code >= HASH_START) return null;
  let text = '';
  for (let rest = code; rest > 0; rest = Math.floor(rest / CHARACTER_END)) {
    text += String.fromCharCode(rest % CHARACTER_END);
  }
  return text;
}

const hashCode = (text: string): number => HASH_START + Math.floor(hashValue(text) / 2);
