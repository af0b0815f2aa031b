import { expect, test } from 'vitest';
import { createNames } from '../../../src/contracts/names.ts';
import { compileView } from '../../../src/fold/compile-view.ts';
import type { Redis } from '../../../src/infra/redis.ts';
import { createOnlineStore } from '../../../src/store/online-store.ts';
import { encodePosition } from '../../../src/store/view-position.ts';
import { originDepartures } from '../../support/serving/tiny-project.ts';

const view = compileView(originDepartures);

/** A store whose every partition has folded partition 0 of the source up to `watermark`. */
function storeAt(watermark: number) {
  const position = encodePosition({ viewOffset: 1, watermarks: { 0: watermark }, newestKnownTime: null });
  return createOnlineStore({ get: () => Promise.resolve(position) } as unknown as Redis, createNames('t'));
}
const wanted = { sourceName: 'departures', partition: 0, offset: 7 };

test('what every partition has folded is visible, and so is what no view reads', async () => {
  await storeAt(7).waitVisible([view], [wanted], 0);
  await storeAt(-1).waitVisible([view], [{ ...wanted, sourceName: 'arrivals' }], 0);
});

test('what is not folded in time is STORE_NOT_VISIBLE', async () => {
  await expect(storeAt(6).waitVisible([view], [wanted], 5)).rejects.toMatchObject({
    code: 'STORE_NOT_VISIBLE',
    message: expect.stringContaining("has not folded source 'departures' up to 0:7 within 5 ms") as unknown,
  });
});
