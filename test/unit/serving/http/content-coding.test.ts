import { gunzipSync, inflateSync } from 'node:zlib';
import { expect, it } from 'vitest';
import { pack } from '../../../../serving/http/content-coding.ts';

const long = Buffer.alloc(2_000, 'a');

it.each([
  ['gzip', 'gzip'],
  ['deflate, gzip', 'deflate'],
  ['br, gzip;q=0.5', 'gzip'],
  ['gzip;q=0, deflate;q=0.1', 'deflate'],
  ['gzip; q=0.0', undefined],
  ['br', undefined],
  ['', undefined],
  [undefined, undefined],
])('an answer for a client that takes %s is packed by %s', async (accepted, coding) => {
  const packed = await pack(long, accepted);
  expect(packed?.coding).toBe(coding);
  if (packed !== undefined) expect((packed.coding === 'gzip' ? gunzipSync : inflateSync)(packed.bytes).equals(long)).toBe(true);
});

it('a short answer stays as it is', async () => {
  expect(await pack(Buffer.alloc(1_023), 'gzip')).toBeUndefined();
});
