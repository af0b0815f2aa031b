import { expect, it } from 'vitest';
import { requestOf } from '../../../../serving/grpc/online-messages.ts';
import { bulkLine } from '../../../../serving/http/bulk-route.ts';
import { parseOnlineRequest } from '../../../../serving/http/parse-online-request.ts';
import { parsePredictRequest } from '../../../../serving/http/parse-predict-request.ts';
import { TIMESTAMP_MS_MAX, TIMESTAMP_MS_MIN } from '../../../../src/store/copy-binary.ts';

const readers: Readonly<Record<string, (asOf: number) => number | undefined>> = {
  'a prediction': (asOf) => parsePredictRequest({ instance: {}, asOf }, {}, 1_000).asOf,
  'a line of a bulk': (asOf) => bulkLine.parse({ instance: {}, asOf }).asOf,
  'an online read': (asOf) => parseOnlineRequest({ views: [], entities: [], asOf }, undefined, 1_000).asOf,
  'an online read over gRPC': (asOfMs) =>
    requestOf({ selection: 'views', views: { names: [] }, entities: [], asOfMs }, undefined).asOf,
};

it.each(Object.keys(readers))('%s is as of a moment that PostgreSQL can hold, and of no other', (name) => {
  const read = readers[name]!;
  for (const asOf of [TIMESTAMP_MS_MIN, TIMESTAMP_MS_MAX]) expect(read(asOf)).toBe(asOf);
  for (const asOf of [TIMESTAMP_MS_MIN - 1, TIMESTAMP_MS_MAX + 1]) expect(() => read(asOf)).toThrow();
});
