import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { awaitProcesses } from '../../../cli/await-processes.ts';
import { agentWithCertificate } from '../../../cli/client-certificate.ts';
import type { CommandContext } from '../../../cli/command-context.ts';
import type { Environment } from '../../../src/infra/settings.ts';
import type { Supervisor } from '../../../workers/supervisor.ts';
import { createCertificate, hasOpenssl } from '../../support/certificates.ts';

const UNREACHABLE_METRICS = 1;

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** The three processes as `start` finds them, serving with TLS that asks for a certificate of `clientCa`. */
async function setUp() {
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-await-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const mine = createCertificate(directory, 'machine');
  const paths: string[] = [];
  const plain = await listen(createServer((request, response) => {
    paths.push(request.url ?? '');
    response.end('{}');
  }));
  const { certificate: cert, key } = mine;
  const serving = await listen(createTlsServer({ cert, key, ca: cert, requestCert: true }, (_request, response) => response.end('{}')));
  const fileOf = (name: string, text: string): string => {
    const file = path.join(directory, name);
    writeFileSync(file, text);
    return file;
  };
  const environment: Environment = {
    MILLRACE_GATEWAY_PORT: String(plain),
    MILLRACE_CONSOLE_PORT: String(plain),
    MILLRACE_SERVING_PORT: String(serving),
    MILLRACE_SERVING_TLS_CERTIFICATE_FILE: fileOf('cert.pem', cert),
    MILLRACE_SERVING_TLS_CLIENT_CA_FILE: fileOf('ca.pem', cert),
  };
  const wait = (over: Environment, metricsPort: number, restarts = 0): Promise<void> => {
    const supervisor = { state: () => ({ processes: ['serving', 'gateway'].map((name) => ({ name, metricsPort, restarts, logFile: `${name}.log` })) }) } as unknown as Supervisor;
    const context = { environment: () => Promise.resolve({ ...environment, ...over }), signal: new AbortController().signal } as unknown as CommandContext;
    return awaitProcesses(context, supervisor);
  };
  return { wait, plain, serving, paths, cert: fileOf('client.pem', cert), key: fileOf('client.key', key) };
}

test.skipIf(!hasOpenssl())('without a certificate to show, the port of metrics tells that serving listens', async () => {
  const { wait, plain, paths } = await setUp();
  await wait({}, plain);
  expect(paths).toContain('/healthz');
  await expect(wait({}, UNREACHABLE_METRICS, 4)).rejects.toMatchObject({ code: 'PROCESS_UNREACHABLE' });
});

test.skipIf(!hasOpenssl())('with a certificate, serving itself is asked, whose own certificate has to be trusted', async () => {
  const { wait, cert, key } = await setUp();
  const shown = { MILLRACE_CLIENT_CERTIFICATE_FILE: cert, MILLRACE_CLIENT_KEY_FILE: key };
  await expect(wait(shown, UNREACHABLE_METRICS, 4)).rejects.toMatchObject({ message: expect.stringContaining('https://127.0.0.1') as string });
  // Instead of NODE_EXTRA_CA_CERTS, which Node reads at its start alone. The server goes on refusing whoever shows nothing.
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  onTestFinished(() => {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  });
  await wait(shown, UNREACHABLE_METRICS, 4);
});

test.skipIf(!hasOpenssl())('a gateway with TLS is asked as serving is', async () => {
  const { wait, plain, serving, paths, cert, key } = await setUp();
  const gateway = { MILLRACE_GATEWAY_PORT: String(serving), MILLRACE_GATEWAY_TLS_CERTIFICATE_FILE: cert, MILLRACE_GATEWAY_TLS_CLIENT_CA_FILE: cert };
  await wait(gateway, plain);
  expect(paths.filter((where) => where === '/healthz').length).toBeGreaterThan(1);
  const shown = { MILLRACE_CLIENT_CERTIFICATE_FILE: cert, MILLRACE_CLIENT_KEY_FILE: key };
  const open = { MILLRACE_SERVING_PORT: String(plain), MILLRACE_SERVING_TLS_CERTIFICATE_FILE: '', MILLRACE_SERVING_TLS_CLIENT_CA_FILE: '' };
  await expect(wait({ ...gateway, ...open, ...shown }, UNREACHABLE_METRICS, 4)).rejects.toMatchObject({
    message: expect.stringMatching(/'gateway' does not answer at https:\/\/127\.0\.0\.1/) as string,
  });
});

test('a certificate without its key, or one that is not there, is CONFIG_INVALID', async () => {
  await expect(agentWithCertificate({ MILLRACE_CLIENT_KEY_FILE: 'a' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  await expect(agentWithCertificate({ MILLRACE_CLIENT_KEY_FILE: 'no-such', MILLRACE_CLIENT_CERTIFICATE_FILE: 'no-such' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  expect(await agentWithCertificate({})).toBeUndefined();
});
