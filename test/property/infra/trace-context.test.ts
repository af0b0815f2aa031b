import { defaultTextMapGetter, ROOT_CONTEXT, trace, TraceFlags } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readTraceHeaders, traceHeaders, type TraceContext } from '../../../src/infra/trace-context.ts';

const hex = (digits: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`));
/** Near misses as well as valid ones. */
const parents = fc.oneof(
  fc.tuple(fc.constantFrom('00', '01', 'fe', 'ff', '0g'), hex(32), hex(16), hex(2), fc.constantFrom('', '-', '-more')).map(([version, traceId, spanId, flags, rest]) => `${version}-${traceId}-${spanId}-${flags}${rest}`),
  fc.tuple(fc.constantFrom('0'.repeat(32), 'A'.repeat(32), 'b'.repeat(31)), fc.constantFrom('0'.repeat(16), 'c'.repeat(16), 'c'.repeat(17))).map(([traceId, spanId]) => `00-${traceId}-${spanId}-01`),
  fc.string({ maxLength: 60 }),
);
const placesArbitrary: fc.Arbitrary<TraceContext> = fc.record({ traceId: hex(32), spanId: hex(16), isSampled: fc.boolean(), state: fc.constantFrom('a=1', 'a=1,b=2') });

describe('headers of a trace', () => {
  it("are read as OpenTelemetry's own propagator reads them", () => {
    const propagator = new W3CTraceContextPropagator();
    fc.assert(
      fc.property(parents, (traceparent) => {
        const found = readTraceHeaders({ traceparent });
        const expected = trace.getSpanContext(propagator.extract(ROOT_CONTEXT, { traceparent }, defaultTextMapGetter));
        // The propagator takes ids of zeros for the SDK to refuse them later.
        const isValid = expected !== undefined && !/^0+$/.test(expected.traceId) && !/^0+$/.test(expected.spanId);
        const isSampled = isValid && (expected.traceFlags & TraceFlags.SAMPLED) !== 0;
        expect(found).toEqual(isValid ? { traceId: expected.traceId, spanId: expected.spanId, isSampled } : undefined);
      }),
      { numRuns: 2_000 },
    );
  });

  it('come back as they were written, as text and as bytes', () => {
    fc.assert(
      fc.property(placesArbitrary, (place) => {
        fc.pre(!/^0+$/.test(place.traceId) && !/^0+$/.test(place.spanId));
        const headers = traceHeaders(place);
        expect(readTraceHeaders({ ...headers })).toEqual(place);
        expect(readTraceHeaders({ traceparent: Buffer.from(headers.traceparent), tracestate: Buffer.from(headers.tracestate ?? '') })).toEqual(place);
      }),
    );
  });

  it('are none where two name a cause, and carry no state of endless length', () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    expect(readTraceHeaders({ traceparent: [traceparent, traceparent] })).toBeUndefined();
    expect(readTraceHeaders({ traceparent, tracestate: ['a=1', 'b=2'] })?.state).toBe('a=1,b=2');
    expect(readTraceHeaders({ traceparent, tracestate: 'x'.repeat(513) })?.state).toBeUndefined();
    expect(readTraceHeaders({})).toBeUndefined();
  });
});
