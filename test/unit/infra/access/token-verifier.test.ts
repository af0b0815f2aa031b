import { createLocalJWKSet, generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { rolesIn, TokenVerifier } from '../../../../src/infra/access/token-verifier.ts';
import { AUDIENCE, createIssuer, ISSUER } from '../../../support/access-stage.ts';

const TOLERANCE_MS = 30_000;
const nowS = Math.floor(Date.now() / 1_000);

let issuer: Awaited<ReturnType<typeof createIssuer>>;
let verifier: TokenVerifier;
beforeAll(async () => {
  issuer = await createIssuer();
  verifier = new TokenVerifier({
    issuer: ISSUER,
    audience: AUDIENCE,
    rolesClaim: 'roles',
    clockToleranceMs: TOLERANCE_MS,
    keys: createLocalJWKSet(issuer.jwks),
  });
});

describe('a token', () => {
  it.each(['ES256', 'RS256', 'PS256', 'EdDSA'])('signed by %s gives its roles', async (algorithm) => {
    const { jwks, sign } = await createIssuer(algorithm);
    const keys = createLocalJWKSet(jwks);
    const own = new TokenVerifier({ issuer: ISSUER, audience: AUDIENCE, rolesClaim: 'roles', clockToleranceMs: 0, keys });
    expect(await own.verify(await sign({ roles: ['operate', 'cook'] }))).toEqual({ caller: { roles: new Set(['operate']) } });
  });

  it.each<[what: string, claims: Record<string, unknown>, expiresAt: number | string, why: RegExp]>([
    ['that has expired', {}, nowS - 60, /has expired/],
    ['of another issuer', { iss: 'https://other' }, '1m', /claim 'iss'/],
    ['for another audience', { aud: 'other' }, '1m', /claim 'aud'/],
    ['that is not valid yet', { nbf: nowS + 60 }, '1m', /claim 'nbf'/],
  ])('%s is wrong', async (_what, claims, expiresAt, why) => {
    expect(await verifier.verify(await issuer.sign(claims, expiresAt))).toEqual({ wrong: expect.stringMatching(why) as string });
  });

  it('may be off by the tolerance of the clocks', async () => {
    expect(await verifier.verify(await issuer.sign({ nbf: nowS + 10 }, nowS - 10))).toHaveProperty('caller');
  });

  it('has to expire', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const own = new TokenVerifier({ issuer: ISSUER, audience: AUDIENCE, rolesClaim: 'roles', clockToleranceMs: 0, keys: () => publicKey });
    const token = await new SignJWT({ iss: ISSUER, aud: AUDIENCE }).setProtectedHeader({ alg: 'ES256' }).sign(privateKey);
    expect(await own.verify(token)).toEqual({ wrong: "its claim 'exp' is not what is expected (missing)" });
  });

  it('signed by a key that the issuer does not publish, or by none, or by a shared secret, is wrong', async () => {
    const stranger = await createIssuer('ES256', 'k2');
    const pretender = await createIssuer('ES256', 'k1');
    const unsigned = new UnsecuredJWT({ iss: ISSUER, aud: AUDIENCE }).setExpirationTime('1m').encode();
    const secret = new TextEncoder().encode(JSON.stringify(issuer.jwks));
    const shared = await new SignJWT({ iss: ISSUER, aud: AUDIENCE }).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).setExpirationTime('1m').sign(secret);
    const wrongs = await Promise.all([await stranger.sign({}), await pretender.sign({}), unsigned, shared, 'a.b.c'].map((token) => verifier.verify(token)));
    expect(wrongs).toEqual([
      { wrong: expect.stringContaining('does not publish') as string },
      { wrong: expect.stringContaining('signature') as string },
      { wrong: expect.any(String) as string },
      { wrong: expect.stringContaining('algorithm') as string },
      { wrong: 'it is no signed JSON Web Token' },
    ]);
  });

  it('is not to blame where the keys can not be had', async () => {
    const away = new Error('away');
    const own = new TokenVerifier({ issuer: ISSUER, audience: AUDIENCE, rolesClaim: 'roles', clockToleranceMs: 0, keys: () => Promise.reject(away) });
    expect(await own.verify(await issuer.sign({}))).toEqual({ unavailable: away });
  });
});

it.each<[claim: string, payload: Record<string, unknown>, roles: string[]]>([
  ['roles', { roles: ['predict', 'admin', 7] }, ['predict', 'admin']],
  ['scope', { scope: 'openid predict operate' }, ['predict', 'operate']],
  ['realm_access.roles', { realm_access: { roles: ['ingest'] } }, ['ingest']],
  ['https://example.com/roles', { 'https://example.com/roles': ['predict'] }, ['predict']],
  ['roles', { roles: { predict: true } }, []],
  ['a.b', { a: null }, []],
  ['constructor.name', {}, []],
])('roles are read from the claim %s', (claim, payload, roles) => {
  expect([...rolesIn(payload, claim)]).toEqual(roles);
});
