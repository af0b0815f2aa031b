import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBaseConfig, temporalServer } from '../../../src/infra/base-config.ts';
import { loadServerSecurity } from '../../../src/infra/server-security.ts';
import type { Environment } from '../../../src/infra/settings.ts';
import { connectTemporal, connectTemporalWorker } from '../../../src/infra/temporal.ts';
import { hostAndPort, probeFailure } from '../../../stack/probe-server.ts';
import { ensureNamespaceAndSearchAttributes } from '../../../stack/temporal-namespace.ts';
import { createAuthority, type CertificateAuthority, type CertificateFiles } from '../../support/security/certificate-authority.ts';
import { startTlsFront, type TlsFront } from '../../support/security/tls-front.ts';
import { hasOpenssl } from '../../support/certificates.ts';
import { testStack } from '../../support/test-stack.ts';

const API_KEY = 'key-5d21';
const SERVER_NAME = 'temporal.example';
/** A status code of gRPC. */
const PERMISSION_DENIED = '7';

const logger = pino({ level: 'silent' });

describe.skipIf(!hasOpenssl())('Temporal over TLS', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-secured-temporal-'));
  let authority: CertificateAuthority;
  let front: TlsFront;
  let client: CertificateFiles;
  let environment: Environment;
  beforeAll(async () => {
    authority = createAuthority(directory);
    client = authority.issue('a-client');
    const { temporalAddress, temporalNamespace } = testStack();
    front = await startTlsFront(hostAndPort('temporal', temporalAddress), { ...authority.issue('temporal'), clientCa: authority.ca, protocols: ['h2'] });
    environment = {
      MILLRACE_PROJECT: 'none',
      MILLRACE_TEMPORAL_ADDRESS: `127.0.0.1:${front.port}`,
      MILLRACE_TEMPORAL_NAMESPACE: temporalNamespace,
      MILLRACE_TEMPORAL_TLS: 'on',
      MILLRACE_TEMPORAL_TLS_CA_FILE: authority.ca,
      MILLRACE_TEMPORAL_TLS_CERTIFICATE_FILE: client.certificate,
      MILLRACE_TEMPORAL_TLS_KEY_FILE: client.key,
      MILLRACE_TEMPORAL_TLS_SERVER_NAME: SERVER_NAME,
    };
  });
  afterAll(async () => {
    await front.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('is reached by a client with a certificate, by the name that is set', async () => {
    const server = temporalServer(loadBaseConfig(environment));
    const temporal = await connectTemporal(server);
    const { namespaceInfo } = await temporal.client.workflowService.describeNamespace({ namespace: server.namespace });
    await temporal.close();
    expect(namespaceInfo?.name).toBe(server.namespace);
    expect([[...front.shown], [...front.asked]]).toEqual([['a-client'], [SERVER_NAME]]);
  });

  it('is reached by a worker with a certificate, by the name that is set', async () => {
    front.shown.clear();
    front.asked.clear();
    const connection = await connectTemporalWorker(temporalServer(loadBaseConfig(environment)), logger);
    await connection.close();
    expect([[...front.shown], [...front.asked]]).toEqual([['a-client'], [SERVER_NAME]]);
  });

  it('is looked for and prepared with the same settings by `millrace up`', async () => {
    const address = environment['MILLRACE_TEMPORAL_ADDRESS'] as string;
    expect(await probeFailure('temporal', address, loadServerSecurity(environment))).toBeUndefined();
    expect(await probeFailure('temporal', address, loadServerSecurity({ MILLRACE_TEMPORAL_TLS: 'on' }))).toMatch(/certificate/);
    await ensureNamespaceAndSearchAttributes(temporalServer(loadBaseConfig(environment)));
  });

  it('is away for a client that does not trust it, whose error names the settings', async () => {
    const server = temporalServer(loadBaseConfig({ ...environment, MILLRACE_TEMPORAL_TLS_CA_FILE: '' }));
    await expect(connectTemporal(server)).rejects.toMatchObject({
      code: 'TEMPORAL_UNAVAILABLE',
      message: expect.stringMatching(/MILLRACE_TEMPORAL_TLS/) as string,
    });
  });

  describe('with an API key', () => {
    /** What callers sent, by the method that they called. */
    const authorizations = new Map<string, string | undefined>();
    let cloud: Http2SecureServer;
    let withKey: Environment;
    beforeAll(async () => {
      const { certificate, key } = authority.issue('cloud');
      cloud = createSecureServer({ cert: readFileSync(certificate), key: readFileSync(key) });
      cloud.on('stream', (stream, headers) => {
        const method = String(headers[':path']).split('/').at(-1) as string;
        authorizations.set(method, headers['authorization']);
        const status = method === 'ListSearchAttributes' ? PERMISSION_DENIED : '0';
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status }));
        // An empty message.
        stream.end(status === '0' ? Buffer.alloc(5) : undefined);
      });
      await new Promise<void>((resolve) => cloud.listen(0, '127.0.0.1', resolve));
      const file = path.join(directory, 'api-key');
      writeFileSync(file, `${API_KEY}\n`);
      withKey = {
        MILLRACE_PROJECT: 'none',
        MILLRACE_TEMPORAL_ADDRESS: `127.0.0.1:${(cloud.address() as AddressInfo).port}`,
        MILLRACE_TEMPORAL_TLS: 'on',
        MILLRACE_TEMPORAL_TLS_CA_FILE: authority.ca,
        MILLRACE_TEMPORAL_API_KEY_FILE: file,
      };
    });
    afterAll(() => cloud.close());

    it('sends it with every call of a client and of a worker', async () => {
      const server = temporalServer(loadBaseConfig(withKey));
      const temporal = await connectTemporal(server);
      await temporal.client.workflowService.describeNamespace({ namespace: server.namespace });
      await temporal.close();
      expect([...authorizations]).toEqual([['GetSystemInfo', `Bearer ${API_KEY}`], ['DescribeNamespace', `Bearer ${API_KEY}`]]);
      authorizations.clear();
      const connection = await connectTemporalWorker(server, logger);
      await connection.close();
      expect([...authorizations]).toEqual([['GetSystemInfo', `Bearer ${API_KEY}`]]);
    });

    it('takes the search attributes of a server that shows them to nobody for made', async () => {
      authorizations.clear();
      await ensureNamespaceAndSearchAttributes(temporalServer(loadBaseConfig(withKey)));
      expect([...authorizations.keys()]).toEqual(['GetSystemInfo', 'DescribeNamespace', 'ListSearchAttributes']);
    });
  });
});
