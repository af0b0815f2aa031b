import { expect, it } from 'vitest';
import { gatewaySettingNames, loadGatewaySettings } from '../../../src/stream/gateway-settings.ts';

const PREFIX = 'MILLRACE_GATEWAY_';
const load = (over: Readonly<Record<string, string>>) =>
  loadGatewaySettings(Object.fromEntries(Object.entries(over).map(([name, value]) => [PREFIX + name, value])));
const jwt = { JWT_ISSUER: 'https://i', JWT_AUDIENCE: 'a', JWT_JWKS: 'https://i/jwks' };

it('has no access control and no TLS by itself, and every variable is of the gateway', () => {
  const { apiKeysFile, jwtIssuer, tlsCertificateFile, metricsAccess } = load({});
  expect([apiKeysFile, jwtIssuer, tlsCertificateFile, metricsAccess]).toEqual([undefined, undefined, undefined, 'operate']);
  expect(Object.values(gatewaySettingNames).filter((name) => !name.startsWith(PREFIX))).toEqual([]);
});

it('takes keys, an issuer with its audience and keys, and a certificate with its key', () => {
  expect(load({ ...jwt, API_KEYS_FILE: 'keys.json' })).toMatchObject({ apiKeysFile: 'keys.json', jwtIssuer: 'https://i', jwtRolesClaim: 'roles' });
  expect(load({ TLS_CERTIFICATE_FILE: 'c.pem', TLS_KEY_FILE: 'k.pem' })).toMatchObject({ tlsCertificateFile: 'c.pem', tlsKeyFile: 'k.pem' });
});

it('says by its own names what is missing beside another setting', () => {
  expect(() => load({ JWT_ISSUER: 'https://i' })).toThrow(
    /MILLRACE_GATEWAY_JWT_AUDIENCE: expected with MILLRACE_GATEWAY_JWT_ISSUER .*MILLRACE_GATEWAY_JWT_JWKS: expected with/,
  );
  expect(() => load({ TLS_CLIENT_CA_FILE: 'ca.pem' })).toThrow(/MILLRACE_GATEWAY_TLS_CERTIFICATE_FILE: expected with .*MILLRACE_GATEWAY_TLS_KEY_FILE: expected with/);
  expect(() => load({ ...jwt, JWT_JWKS: 'http://issuer.example/jwks' })).toThrow(/MILLRACE_GATEWAY_JWT_JWKS: expected https, or http on this machine/);
});
