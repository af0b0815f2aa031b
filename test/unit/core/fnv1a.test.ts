import { describe, expect, it } from 'vitest';
import { fnv1a32 } from '../../../src/core/fnv1a.ts';

describe('FNV-1a', () => {
  it('gives the published values for ASCII', () => {
    expect(['', 'a', 'foobar'].map(fnv1a32)).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
  });
});
