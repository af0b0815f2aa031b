import { expect, it } from 'vitest';
import { gatewayUrlOf, servingGrpcAddressOf, servingUrlOf } from '../../../workers/process-urls.ts';

it('finds the processes of this machine on their ports, over TLS where they have a certificate', () => {
  expect([gatewayUrlOf({}), servingUrlOf({}), servingGrpcAddressOf({})]).toEqual(['http://127.0.0.1:7470', 'http://127.0.0.1:7480', '127.0.0.1:7481']);
  const environment = { MILLRACE_GATEWAY_PORT: '1', MILLRACE_SERVING_PORT: '2', MILLRACE_SERVING_TLS_CERTIFICATE_FILE: 'c.pem' };
  expect([gatewayUrlOf(environment), servingUrlOf(environment)]).toEqual(['http://127.0.0.1:1', 'https://127.0.0.1:2']);
  expect(gatewayUrlOf({ MILLRACE_GATEWAY_TLS_CERTIFICATE_FILE: 'c.pem' })).toBe('https://127.0.0.1:7470');
});
