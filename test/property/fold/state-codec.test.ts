import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isMillraceError } from '../../../src/core/millrace-error.ts';
import { decodeState, encodeState } from '../../../src/fold/state-codec.ts';
import { anyHistory as history, apply, foldAll, HOUR_MS, KEYS, read, START_MS } from './history-arbitrary.ts';

/** Bytes with some changed, cut off or put behind. */
const damage = fc.record({
  changes: fc.array(fc.record({ at: fc.nat(), value: fc.nat({ max: 255 }) }), { maxLength: 4 }),
  cut: fc.option(fc.nat()),
  tail: fc.uint8Array({ maxLength: 4 }),
});

function damaged(
  bytes: Uint8Array,
  { changes, cut, tail }: typeof damage extends fc.Arbitrary<infer T> ? T : never,
) {
  const changed = Uint8Array.from(bytes);
  for (const { at, value } of changes) changed[at % changed.length] = value;
  const kept = cut === null ? changed : changed.subarray(0, cut % changed.length);
  return Uint8Array.from([...kept, ...tail]);
}

describe('the state codec', () => {
  it('gives back the state, which then goes on equally', () => {
    fc.assert(
      fc.property(history, fc.nat(), (drawn, split) => {
        const { program, events } = drawn;
        const half = events.length === 0 ? 0 : split % events.length;
        const whole = foldAll(program, events.slice(0, half));
        const decoded = new Map(
          [...whole].map(([key, state]) => [key, decodeState(program, encodeState(program, state))] as const),
        );
        for (const [key, state] of whole) {
          expect(encodeState(program, decoded.get(key)!)).toEqual(encodeState(program, state));
          expect(decoded.get(key)!.newestKnownTime).toBe(state.newestKnownTime);
          expect(decoded.get(key)!.fences).toEqual(state.fences);
        }
        for (const one of events.slice(half))
          expect(apply(program, decoded, one)).toBe(apply(program, whole, one));
        for (const key of KEYS) {
          const asOf = START_MS + 90 * HOUR_MS;
          expect(read(program, decoded.get(key), asOf)).toEqual(read(program, whole.get(key), asOf));
          if (whole.has(key)) {
            expect(encodeState(program, decoded.get(key)!)).toEqual(encodeState(program, whole.get(key)!));
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('answers damaged bytes with STATE_CORRUPT or with a state that can be used', () => {
    fc.assert(
      fc.property(history, damage, ({ program, events }, harm) => {
        for (const state of foldAll(program, events).values()) {
          decodeOrRefuse(program, damaged(encodeState(program, state), harm));
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('answers any bytes with STATE_CORRUPT or with a state that can be used', () => {
    fc.assert(
      fc.property(history, fc.uint8Array({ maxLength: 200 }), ({ program }, bytes) => {
        decodeOrRefuse(program, bytes);
        const { definitionHash: hash } = program;
        decodeOrRefuse(program, Uint8Array.from([1, hash, hash >>> 8, hash >>> 16, hash >>> 24, ...bytes]));
      }),
      { numRuns: 1_000 },
    );
  });
});

function decodeOrRefuse(program: Parameters<typeof decodeState>[0], bytes: Uint8Array): void {
  try {
    const state = decodeState(program, bytes);
    read(program, state, START_MS);
    encodeState(program, state);
  } catch (error) {
    expect(isMillraceError(error) && error.code).toBe('STATE_CORRUPT');
  }
}
