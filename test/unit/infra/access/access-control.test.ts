import { expect, it, vi } from 'vitest';
import { operate, operateGuarded, predict } from '../../../../src/infra/access/access-rule.ts';
import { ApiKeys } from '../../../../src/infra/access/api-keys.ts';
import type { TokenVerifier, Verified } from '../../../../src/infra/access/token-verifier.ts';
import { createApiKey } from '../../../../src/infra/api-key.ts';
import { createLogger } from '../../../../src/infra/logger.ts';
import { openControl } from '../../../support/access-stage.ts';

const request = { transport: 'http', what: 'GET /x', authorization: undefined, apiKey: undefined } as const;
const { key, entry } = createApiKey('a', ['predict']);
const keys = () => new ApiKeys([entry]);

it('is off without keys and tokens, except for what needs an operator', async () => {
  const control = openControl();
  await expect(control.assertAllowed(predict, request)).resolves.toBeUndefined();
  await expect(control.assertAllowed(operateGuarded, request)).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
  expect([control.isOpen(operate), control.isOpen(operateGuarded), openControl({ keys }).isOpen(operate)]).toEqual([true, false, false]);
});

it.each<[authorization: string, code: string | undefined]>([
  [`Bearer ${key}`, undefined],
  [`BEARER  ${key} `, undefined],
  [`Bearer ${key}x`, 'ACCESS_UNAUTHENTICATED'],
  [`Bearer ${key} ${key}`, 'ACCESS_UNAUTHENTICATED'],
  [key, 'ACCESS_UNAUTHENTICATED'],
  [`Basic ${key}`, 'ACCESS_UNAUTHENTICATED'],
  ['Bearer ', 'ACCESS_UNAUTHENTICATED'],
  ['', 'ACCESS_UNAUTHENTICATED'],
])('takes a key as a bearer and in no other form (case %#)', async (authorization, code) => {
  const asked = openControl({ keys }).assertAllowed(predict, { ...request, authorization });
  if (code === undefined) await expect(asked).resolves.toBeUndefined();
  else await expect(asked).rejects.toMatchObject({ code, message: expect.not.stringContaining(key) as string });
});

it('tells the log once that an issuer is away, and again after it was there', async () => {
  const logger = createLogger('test', 'silent');
  const told = vi.spyOn(logger, 'error');
  const answers: Verified[] = [{ unavailable: 1 }, { unavailable: 2 }, { wrong: 'x' }, { unavailable: 3 }];
  const tokens = { looksLikeOne: () => true, verify: () => Promise.resolve(answers.shift()) } as unknown as TokenVerifier;
  const control = openControl({ tokens, logger });
  const codes: unknown[] = [];
  while (answers.length > 0) {
    await control.assertAllowed(predict, { ...request, authorization: 'Bearer a.b.c' }).catch((error: { code: string }) => codes.push(error.code));
  }
  expect(codes).toEqual(['ACCESS_ISSUER_UNAVAILABLE', 'ACCESS_ISSUER_UNAVAILABLE', 'ACCESS_UNAUTHENTICATED', 'ACCESS_ISSUER_UNAVAILABLE']);
  expect(told).toHaveBeenCalledTimes(2);
});
