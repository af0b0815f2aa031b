import { describe, expect, it } from 'vitest';
import { compileView } from '../../../src/fold/compile-view.ts';
import { decodeState, encodeState } from '../../../src/fold/state-codec.ts';
import { createState } from '../../../src/fold/view-state.ts';
import { cardView, MINUTE_MS, OneKey } from '../../support/fold/payments.ts';

const view = cardView((a) => ({ count: a.count({ window: '1h' }), mean: a.mean('fee', { window: '1h' }) }));
const key = new OneKey(view).add(0, { fee: 0.1 }).add(MINUTE_MS, { fee: 2 });
const bytes = encodeState(key.program, key.state);
const corrupt = expect.objectContaining({ code: 'STATE_CORRUPT' }) as Error;

describe('the state codec', () => {
  it('writes the same bytes for ever: this is what Redis holds', () => {
    expect(Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')).toMatchInlineSnapshot(
      `"01d34a726c0000e62d25cc784201000102c0f78a1b0402029a9999999999b93f00010002020400"`,
    );
  });

  it('gives back a state without events', () => {
    const program = compileView(view);
    const state = decodeState(program, encodeState(program, createState(program)));
    expect(state.newestKnownTime).toBe(-Infinity);
    expect(state.runs.map((run) => run.count)).toEqual([0]);
  });

  it('reads bytes that lie within a larger buffer, as drivers give them', () => {
    const buffer = Uint8Array.from([9, 9, 9, ...bytes, 9]);
    const state = decodeState(key.program, buffer.subarray(3, 3 + bytes.length));
    expect(encodeState(key.program, state)).toEqual(bytes);
  });

  it('refuses another format version', () => {
    const other = Uint8Array.from(bytes);
    other[0] = 2;
    expect(() => decodeState(key.program, other)).toThrow(corrupt);
    expect(() => decodeState(key.program, other)).toThrow('expected format 1, found 2');
  });

  it('refuses a state of another definition', () => {
    const other = compileView(cardView((a) => ({ count: a.count({ window: '3h' }) })));
    expect(() => decodeState(other, bytes)).toThrow(corrupt);
    expect(() => decodeState(other, bytes)).toThrow(/expected definition [0-9a-f]{8}, found [0-9a-f]{8}/);
  });

  it('refuses every truncation and any tail', () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeState(key.program, bytes.subarray(0, length)), `${length} bytes`).toThrow(corrupt);
    }
    expect(() => decodeState(key.program, Uint8Array.from([...bytes, 0]))).toThrow(corrupt);
  });

  it('takes no memory for a count that the bytes can not hold', () => {
    const head = bytes.subarray(0, 13);
    const hugeTileCount = Uint8Array.from([...head, 0, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    expect(() => decodeState(key.program, hugeTileCount)).toThrow('number of tiles');
  });
});
