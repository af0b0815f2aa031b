import { describe, expect, it } from 'vitest';
import { canonicalJson } from '../../../src/core/json.ts';

describe('canonical JSON', () => {
  it('does not depend on the order in which fields were written', () => {
    expect(canonicalJson({ b: [1, { d: null, c: 'x' }], a: true })).toBe(
      '{"a":true,"b":[1,{"c":"x","d":null}]}',
    );
    expect(canonicalJson({ a: 1, b: 2 })).toBe(canonicalJson({ b: 2, a: 1 }));
  });

  it('keeps the order of arrays and leaves out what is undefined', () => {
    expect(canonicalJson({ list: [2, 1], nothing: undefined })).toBe('{"list":[2,1]}');
  });
});
