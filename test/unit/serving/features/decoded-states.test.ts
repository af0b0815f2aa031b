import { describe, expect, it } from 'vitest';
import { compileView } from '../../../../src/fold/compile-view.ts';
import { decodeState, encodeState } from '../../../../src/fold/state-codec.ts';
import { applyEvent, createState } from '../../../../src/fold/view-state.ts';
import { DecodedStates } from '../../../../serving/features/decoded-states.ts';
import { originDepartures } from '../../../support/serving/tiny-project.ts';

const program = compileView(originDepartures);

/** The encoded state after one event at this offset. */
function encoded(offset: number): Buffer {
  const state = createState(program);
  applyEvent(program, state, 0, offset, 0, 0, new Float64Array(program.inputCount), 0);
  return Buffer.from(encodeState(program, state));
}

/** The state of a key that is asked for again: it is kept. */
function readTwice(states: DecodedStates, entityKey: string, bytes: Buffer) {
  states.get(program, entityKey, bytes);
  return states.get(program, entityKey, bytes);
}

describe('decoded states', () => {
  it('gives the same state while the bytes are the same, and the new one as soon as they are not', () => {
    const states = new DecodedStates();
    const first = readTwice(states, 'EWR', encoded(1));
    expect(states.get(program, 'EWR', encoded(1))).toBe(first);
    const second = states.get(program, 'EWR', encoded(2));
    expect(second.fences[0]).toBe(2);
    expect(states.get(program, 'EWR', encoded(2))).toBe(second);
    expect(states.get(program, 'EWR', encoded(1)).fences[0]).toBe(1);
  });

  it('keeps a state from the second time that its key is asked for, whatever its bytes were the first time', () => {
    const states = new DecodedStates();
    const once = states.get(program, 'EWR', encoded(1));
    expect(states.get(program, 'EWR', encoded(1))).not.toBe(once);
    states.get(program, 'JFK', encoded(1));
    const kept = states.get(program, 'JFK', encoded(2));
    expect(states.get(program, 'JFK', encoded(2))).toBe(kept);
  });

  it('shares states among programs of one version of a view, and takes the same key of another view for another', () => {
    const states = new DecodedStates();
    const kept = readTwice(states, 'EWR', encoded(1));
    expect(states.get(compileView(originDepartures), 'EWR', encoded(1))).toBe(kept);
    const other = compileView({ ...originDepartures, name: 'other_departures' });
    const bytes = Buffer.from(encodeState(other, createState(other)));
    const first = states.get(other, 'EWR', bytes);
    expect(first.fences[0]).toBe(-1);
    // Had the key counted as asked for in the other view, the first would have been kept.
    expect(states.get(other, 'EWR', bytes)).not.toBe(first);
  });

  it('keeps keys apart, and does not follow a buffer that is written over', () => {
    const states = new DecodedStates();
    const reply = encoded(1);
    readTwice(states, 'EWR', reply);
    encoded(2).copy(reply);
    expect(states.get(program, 'JFK', encoded(3)).fences[0]).toBe(3);
    expect(states.get(program, 'EWR', reply).fences[0]).toBe(2);
  });

  it('keeps what is used and lets go what was not used since the younger generation was last full', () => {
    const one = encoded(1);
    const tiles = decodeState(program, one).byteLength;
    const states = new DecodedStates(4.5 * (one.byteLength + tiles));
    const read = (entityKey: string) => states.get(program, entityKey, one);
    for (const entityKey of ['a', 'b', 'c', 'd', 'e']) read(entityKey);
    const [a, b] = [read('a'), read('b')];
    read('c');
    expect(read('a')).toBe(a);
    read('d');
    read('e');
    expect(read('a')).toBe(a);
    expect(read('b')).not.toBe(b);
  });

  it('leaves what is kept alone while keys come that are asked for once', () => {
    const one = encoded(1);
    const states = new DecodedStates(4.5 * (one.byteLength + decodeState(program, one).byteLength));
    const kept = readTwice(states, 'EWR', one);
    for (let i = 0; i < 1_000; i++) states.get(program, `once-${i}`, one);
    expect(states.get(program, 'EWR', one)).toBe(kept);
  });

  it('names a corrupt state each time', () => {
    const states = new DecodedStates();
    for (let i = 0; i < 2; i++) {
      expect(() => states.get(program, 'EWR', Buffer.from('broken'))).toThrowError(
        expect.objectContaining({ code: 'STATE_CORRUPT' }) as Error,
      );
    }
  });
});
