import { describe, expect, it } from 'vitest';
import { callTimeout, streamTimeout } from '../../../../serving/grpc/call-timeout.ts';

const NOW = 1_000_000;

describe('the time that a call has left', () => {
  it('is what its deadline leaves, up to the longest that is allowed, and not said without a deadline', () => {
    expect(callTimeout(NOW + 250, NOW, 1_000)).toBe(250);
    expect(callTimeout(new Date(NOW + 250), NOW, 1_000)).toBe(250);
    expect(callTimeout(NOW + 5_000, NOW, 1_000)).toBe(1_000);
    expect(callTimeout(Infinity, NOW, 1_000)).toBeUndefined();
  });

  it('counts for a request of a stream once less is left than a request may take', () => {
    expect(streamTimeout(NOW + 250, NOW, 1_000)).toBe(250);
    expect(streamTimeout(NOW + 5_000, NOW, 1_000)).toBeUndefined();
    expect(streamTimeout(Infinity, NOW, 1_000)).toBeUndefined();
    expect(() => streamTimeout(NOW, NOW, 1_000)).toThrowError(expect.objectContaining({ code: 'SERVING_DEADLINE_EXCEEDED' }) as Error);
  });

  it('is refused where the deadline had passed when the call came', () => {
    for (const late of [0, 30]) {
      expect(() => callTimeout(NOW - late, NOW, 1_000)).toThrowError(
        expect.objectContaining({ code: 'SERVING_DEADLINE_EXCEEDED', message: expect.stringContaining(`${late} ms ago`) as string }) as Error,
      );
    }
  });
});
