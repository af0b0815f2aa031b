import { mkdtempSync, rmSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPostgres } from '../../../src/infra/postgres.ts';
import { hostAndPort } from '../../../stack/probe-server.ts';
import { createAuthority, type CertificateAuthority } from '../../support/security/certificate-authority.ts';
import { startTlsFront, type TlsFront } from '../../support/security/tls-front.ts';
import { hasOpenssl } from '../../support/certificates.ts';
import { testPrefix, testStack } from '../../support/test-stack.ts';

const logger = pino({ level: 'silent' });

describe.skipIf(!hasOpenssl())('over TLS', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-secured-stores-'));
  const { postgresUrl, redisUrl } = testStack();
  let authority: CertificateAuthority;
  let postgresFront: TlsFront;
  let redisFront: TlsFront;
  beforeAll(async () => {
    authority = createAuthority(directory);
    const server = authority.issue('server');
    postgresFront = await startTlsFront(hostAndPort('postgres', postgresUrl), { ...server, asksFirst: true });
    redisFront = await startTlsFront(hostAndPort('redis', redisUrl), server);
  });
  afterAll(async () => {
    await Promise.all([postgresFront.close(), redisFront.close()]);
    rmSync(directory, { recursive: true, force: true });
  });

  describe('Postgres', () => {
    const ask = async (parameters: Readonly<Record<string, string>>): Promise<unknown> => {
      const url = new URL(postgresUrl);
      url.port = String(postgresFront.port);
      for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
      const postgres = createPostgres({ url: url.href, applicationName: 'test', logger });
      try {
        return await postgres.query('SELECT 1 AS one');
      } finally {
        await postgres.close();
      }
    };

    it('is reached by an address with sslmode=verify-full and a CA', async () => {
      expect(await ask({ sslmode: 'verify-full', sslrootcert: authority.ca })).toEqual([{ one: 1 }]);
    });

    it('is not trusted without the CA', async () => {
      await expect(ask({ sslmode: 'verify-full' })).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', message: expect.stringMatching(/certificate/) as string });
    });
  });

  describe('Redis', () => {
    const user = testPrefix();
    let admin: Redis;
    beforeAll(async () => {
      admin = new Redis(redisUrl);
      await admin.call('ACL', 'SETUSER', user, 'on', '>pass/word', '~*', '&*', '+@all');
    });
    afterAll(async () => {
      await admin.call('ACL', 'DELUSER', user);
      admin.disconnect();
    });
    // Node reads the variable when it starts.
    const whoAmI = async (extraCa: string): Promise<string> => {
      const url = `rediss://${user}:${encodeURIComponent('pass/word')}@127.0.0.1:${redisFront.port}`;
      const program = fileURLToPath(new URL('../../support/security/redis-user.ts', import.meta.url));
      const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program, url], { env: { ...process.env, NODE_EXTRA_CA_CERTS: extraCa } });
      return stdout.trim();
    };

    it('is reached by a rediss:// address with a user of its own, and a CA that Node is told of', async () => {
      expect(await whoAmI(authority.ca)).toBe(user);
    });

    it('is not trusted without the CA', async () => {
      expect(await whoAmI('')).toMatch(/certificate/);
    });
  });
});
