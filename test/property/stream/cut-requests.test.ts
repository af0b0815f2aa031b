import fc from 'fast-check';
import { expect, it } from 'vitest';
import { cutRequests, PARTITION_BYTES_MAX } from '../../../src/infra/cut-requests.ts';

const message = fc.record({
  topic: fc.constantFrom('a', 'b'),
  partition: fc.nat({ max: 2 }),
  value: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: 0, max: 400_000 }) }, { weight: 1, arbitrary: fc.constant(2_000_000) }).map((size) => Buffer.alloc(size)),
});

it('requests hold every message once, each partition in its order and never more than a broker takes, but for one that is larger alone', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 25 }), (messages) => {
      const requests = cutRequests(messages);
      for (const topic of ['a', 'b']) {
        for (const partition of [0, 1, 2]) {
          const own = (of: readonly (typeof messages)[number][]) => of.filter((one) => one.topic === topic && one.partition === partition);
          expect(own(requests.flat() as typeof messages)).toEqual(own(messages));
          for (const request of requests) {
            const here = own(request as typeof messages);
            const bytes = here.reduce((sum, { value }) => sum + value.length, 0);
            if (here.length > 1) expect(bytes).toBeLessThanOrEqual(PARTITION_BYTES_MAX);
          }
        }
      }
      expect(requests.every((request) => request.length > 0)).toBe(true);
      if (messages.reduce((sum, { value }) => sum + value.length + 500, 0) <= PARTITION_BYTES_MAX) expect(requests.length).toBeLessThanOrEqual(1);
    }),
  );
});
