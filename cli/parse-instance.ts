import { messageOf, MillraceError } from '../src/core/millrace-error.ts';

/**
 * An instance from `--json`-like text or from `key=value` pairs. Values that are JSON numbers, booleans or null
 * are taken as such; everything else, and everything in quotes, is text.
 * @throws MillraceError REQUEST_INVALID
 */
export function parseInstance(text: string | undefined, pairs: readonly string[]): unknown {
  if (text !== undefined && pairs.length > 0) {
    throw new MillraceError(
      'REQUEST_INVALID',
      'Prediction: expected either --instance or key=value pairs, found both. Leave one out.',
    );
  }
  if (text !== undefined) return parseText(text);
  if (pairs.length === 0) {
    throw new MillraceError(
      'REQUEST_INVALID',
      "Prediction: no instance is given. Add key=value pairs or --instance '{...}'.",
    );
  }
  return Object.fromEntries(pairs.map(parsePair));
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new MillraceError(
      'REQUEST_INVALID',
      `Prediction: --instance is no JSON: ${messageOf(cause)}. Quote it for the shell: '{"key":"value"}'.`,
      { cause },
    );
  }
}

function parsePair(pair: string): [string, unknown] {
  const at = pair.indexOf('=');
  if (at < 1) {
    throw new MillraceError(
      'REQUEST_INVALID',
      `Prediction: '${pair}' is no key=value pair. Write, for example, carrier=UA.`,
    );
  }
  const value = pair.slice(at + 1);
  return [pair.slice(0, at), parseValue(value)];
}

/** What JSON.parse would take as one of these; `007` is text. */
const scalar = /^(-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|true|false|null|"([^"\\]|\\["\\/bfnrtu])*")$/;

function parseValue(text: string): unknown {
  return scalar.test(text) ? JSON.parse(text) : text;
}
