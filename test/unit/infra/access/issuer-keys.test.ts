import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { openIssuerKeys, type IssuerKeys } from '../../../../src/infra/access/issuer-keys.ts';
import { TokenVerifier } from '../../../../src/infra/access/token-verifier.ts';
import { createLogger } from '../../../../src/infra/logger.ts';
import { AUDIENCE, createAccessFiles, createIssuer, ISSUER } from '../../../support/access-stage.ts';

const logger = createLogger('test', 'silent');
const TIMEOUT_MS = 200;

const open: { close(): unknown }[] = [];
afterEach(() => Promise.all(open.splice(0).map((thing) => thing.close())));

async function listen(answer: RequestListener): Promise<string> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({ close: () => server.closeAllConnections() ?? server.close() });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
}

async function verifierOf(jwks: string, keepMs = 60_000): Promise<TokenVerifier> {
  const keys: IssuerKeys = await openIssuerKeys({ jwks, timeoutMs: TIMEOUT_MS, keepMs, logger });
  open.push(keys);
  return new TokenVerifier({ issuer: ISSUER, audience: AUDIENCE, rolesClaim: 'roles', clockToleranceMs: 0, keys: keys.keyOf });
}

it('asks the issuer when the first token comes, and not again while the keys are fresh', async () => {
  const { jwks, sign } = await createIssuer();
  let asked = 0;
  const verifier = await verifierOf(
    await listen((_request, response) => {
      asked++;
      response.end(JSON.stringify(jwks));
    }),
  );
  expect(asked).toBe(0);
  const token = await sign({ roles: ['predict'] });
  for (let i = 0; i < 3; i++) expect(await verifier.verify(token)).toHaveProperty('caller');
  const stranger = await createIssuer('ES256', 'k9');
  expect(await verifier.verify(await stranger.sign({}))).toHaveProperty('wrong');
  expect(asked).toBe(1);
});

it('trusts fetched keys for as long as the setting says', async () => {
  const [before, after] = [await createIssuer(), await createIssuer()];
  let { jwks } = before;
  const verifier = await verifierOf(await listen((_request, response) => response.end(JSON.stringify(jwks))), 50);
  expect(await verifier.verify(await before.sign({}))).toHaveProperty('caller');
  ({ jwks } = after);
  await new Promise((resolve) => setTimeout(resolve, 60));
  expect(await verifier.verify(await before.sign({}))).toHaveProperty('wrong');
  expect(await verifier.verify(await after.sign({}))).toHaveProperty('caller');
});

it.each<[what: string, answer: RequestListener]>([
  ['fails', (_request, response) => response.writeHead(500).end()],
  ['leads elsewhere', (_request, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()],
  ['answers no key set', (_request, response) => response.end('[]')],
  ['answers no JSON', (_request, response) => response.end('<html>')],
  ['answers without end', (_request, response) => response.end('x'.repeat(300 * 1_024))],
  ['is silent', () => undefined],
])('says that the keys can not be had where the issuer %s', async (_what, answer) => {
  const verifier = await verifierOf(await listen(answer));
  const { sign } = await createIssuer();
  expect(await verifier.verify(await sign({}))).toHaveProperty('unavailable');
});

it('gives an issuer that fails a rest', async () => {
  let asked = 0;
  const verifier = await verifierOf(
    await listen((_request, response) => {
      asked++;
      response.writeHead(503).end();
    }),
  );
  const token = await (await createIssuer()).sign({});
  for (let i = 0; i < 5; i++) expect(await verifier.verify(token)).toHaveProperty('unavailable');
  expect(asked).toBe(1);
});

it('follows a file, and refuses one that is no key set at the start', async () => {
  const files = createAccessFiles();
  open.push({ close: files.remove });
  const [before, after] = [await createIssuer(), await createIssuer()];
  const file = files.write('jwks.json', before.jwks);
  const verifier = await verifierOf(file);
  expect(await verifier.verify(await before.sign({}))).toHaveProperty('caller');
  files.write('jwks.json', after.jwks);
  await vi.waitFor(async () => expect(await verifier.verify(await after.sign({}))).toHaveProperty('caller'), { timeout: 5_000 });
  for (const wrong of ['{', { keys: 1 }, `"${'x'.repeat(300 * 1_024)}"`]) {
    await expect(verifierOf(files.write('wrong.json', wrong))).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  }
});
