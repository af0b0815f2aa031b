import { expect, it } from 'vitest';
import { loadServingSettings } from '../../../serving/settings.ts';

const PREFIX = 'MILLRACE_SERVING_';
const load = (over: Readonly<Record<string, string>>) =>
  loadServingSettings(Object.fromEntries(Object.entries(over).map(([name, value]) => [PREFIX + name, value])));
const jwt = { JWT_ISSUER: 'https://i', JWT_AUDIENCE: 'a', JWT_JWKS: 'https://i/jwks' };

it('takes an issuer with its audience and keys, from https, from this machine or from a file', () => {
  expect(load(jwt)).toMatchObject({ jwtIssuer: 'https://i', jwtAudience: 'a' });
  for (const jwks of ['http://127.0.0.1:8080/jwks', 'http://localhost/jwks', '/etc/jwks.json', 'keys/jwks.json']) {
    expect(load({ ...jwt, JWT_JWKS: jwks }).jwtJwks).toBe(jwks);
  }
});

it('says all that is missing beside an issuer', () => {
  const wrong = () => load({ JWT_ISSUER: 'https://i' });
  expect(wrong).toThrow(/JWT_AUDIENCE: expected with MILLRACE_SERVING_JWT_ISSUER \(it is not set\); MILLRACE_SERVING_JWT_JWKS: expected with/);
  expect(wrong).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  expect(() => load({ JWT_JWKS: 'https://i/jwks' })).toThrow(/JWT_ISSUER: expected with MILLRACE_SERVING_JWT_JWKS/);
});

it.each(['http://issuer.example/jwks', 'http://127.0.0.1.example/jwks', 'https://'])('fetches no keys from %s', (jwks) => {
  expect(() => load({ ...jwt, JWT_JWKS: jwks })).toThrow(/JWT_JWKS: expected https, or http on this machine/);
});

it('takes a least limit on concurrency that is not above the largest', () => {
  expect(load({ CONCURRENCY: 'adaptive', CONCURRENCY_MIN: '8', CONCURRENCY_MAX: '8' })).toMatchObject({ concurrency: 'adaptive', concurrencyMin: 8 });
  expect(() => load({ CONCURRENCY_MIN: '9', CONCURRENCY_MAX: '8' })).toThrow(/CONCURRENCY_MIN: expected at most 8 \(MILLRACE_SERVING_CONCURRENCY_MAX\), found 9/);
});

it('takes a certificate with its key, and a CA of clients only with both', () => {
  expect(load({ TLS_CERTIFICATE_FILE: 'c.pem', TLS_KEY_FILE: 'k.pem' })).toMatchObject({ tlsCertificateFile: 'c.pem', tlsKeyFile: 'k.pem' });
  expect(() => load({ TLS_KEY_FILE: 'k.pem' })).toThrow(/TLS_CERTIFICATE_FILE: expected with MILLRACE_SERVING_TLS_KEY_FILE/);
  expect(() => load({ TLS_CLIENT_CA_FILE: 'ca.pem' })).toThrow(/TLS_CERTIFICATE_FILE: expected with .*TLS_KEY_FILE: expected with/);
});
