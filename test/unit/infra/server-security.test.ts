import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kafkaServers, loadBaseConfig, temporalServer } from '../../../src/infra/base-config.ts';
import { messageOf } from '../../../src/core/millrace-error.ts';
import type { Environment } from '../../../src/infra/settings.ts';
import { listFiles, repositoryRoot } from '../../support/repository-files.ts';
import { createAuthority, type CertificateFiles } from '../../support/security/certificate-authority.ts';
import { hasOpenssl } from '../../support/certificates.ts';

const load = (environment: Environment) => loadBaseConfig({ MILLRACE_PROJECT: 'x.ts', ...environment });

function problemsOf(environment: Environment): string {
  try {
    load(environment);
  } catch (error) {
    return messageOf(error);
  }
  return '';
}

describe.skipIf(!hasOpenssl())('what Kafka and Temporal are shown', () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'millrace-security-'));
  const fileOf = (name: string, content: string): string => {
    const file = path.join(directory, name);
    writeFileSync(file, content);
    return file;
  };
  let ca: string;
  let mine: CertificateFiles;
  let other: CertificateFiles;
  beforeAll(() => {
    const authority = createAuthority(directory);
    ca = authority.ca;
    [mine, other] = [authority.issue('mine'), authority.issue('other')];
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('is nothing, over plain text, where nothing is set', () => {
    expect(load({}).security).toEqual({ kafka: {}, temporal: {} });
  });

  it('is what the files hold, without the end of a line', () => {
    const config = load({
      MILLRACE_KAFKA_TLS: 'on',
      MILLRACE_KAFKA_TLS_CA_FILE: ca,
      MILLRACE_KAFKA_TLS_CERTIFICATE_FILE: mine.certificate,
      MILLRACE_KAFKA_TLS_KEY_FILE: mine.key,
      MILLRACE_KAFKA_SASL_MECHANISM: 'scram-sha-256',
      MILLRACE_KAFKA_SASL_USERNAME: 'user',
      MILLRACE_KAFKA_SASL_PASSWORD_FILE: fileOf('password', ' pass word \r\n'),
      MILLRACE_TEMPORAL_TLS: 'on',
      MILLRACE_TEMPORAL_TLS_SERVER_NAME: 'temporal.example',
      MILLRACE_TEMPORAL_API_KEY_FILE: fileOf('api-key', 'key\n'),
    });
    const pem = (file: string): string => readFileSync(file, 'utf8').trim();
    expect(kafkaServers(config)).toEqual({
      brokers: ['127.0.0.1:9092'],
      security: {
        tls: { ca: pem(ca), cert: pem(mine.certificate), key: pem(mine.key) },
        sasl: { mechanism: 'scram-sha-256', username: 'user', password: ' pass word ' },
      },
    });
    expect(temporalServer(config)).toMatchObject({ security: { tls: { servername: 'temporal.example' }, apiKey: 'key' } });
  });

  it('is refused with all problems at once, each by the name of its setting', () => {
    const problems = problemsOf({
      MILLRACE_LOG_LEVEL: 'loud',
      MILLRACE_KAFKA_TLS: 'yes',
      MILLRACE_KAFKA_TLS_CA_FILE: path.join(directory, 'no-such'),
      MILLRACE_KAFKA_TLS_CERTIFICATE_FILE: mine.certificate,
      MILLRACE_KAFKA_SASL_MECHANISM: 'plain',
      MILLRACE_KAFKA_SASL_USERNAME: 'user',
      MILLRACE_TEMPORAL_TLS_CERTIFICATE_FILE: mine.certificate,
      MILLRACE_TEMPORAL_TLS_KEY_FILE: other.key,
    });
    for (const problem of [
      /MILLRACE_LOG_LEVEL: /,
      /MILLRACE_KAFKA_TLS: .*"on"\|"off".* \(found 'yes'\)/,
      /MILLRACE_KAFKA_TLS_CA_FILE: expected a file that can be read and holds something: ENOENT/,
      /MILLRACE_KAFKA_TLS_KEY_FILE: expected with MILLRACE_KAFKA_TLS_CERTIFICATE_FILE \(it is not set\)/,
      /MILLRACE_KAFKA_SASL_PASSWORD_FILE: expected with MILLRACE_KAFKA_SASL_MECHANISM \(it is not set\)/,
      /MILLRACE_TEMPORAL_TLS: expected 'on' with MILLRACE_TEMPORAL_TLS_CERTIFICATE_FILE \(it is not set\)/,
      /MILLRACE_TEMPORAL_TLS_KEY_FILE: expected the private key .* of the certificate in MILLRACE_TEMPORAL_TLS_CERTIFICATE_FILE: .*mismatch/,
    ]) {
      expect(problems).toMatch(problem);
    }
    expect(problems.split('; ')).toHaveLength(7);
  });

  it.each([
    ['a key over plain text', { MILLRACE_TEMPORAL_API_KEY_FILE: 'secret-1' }, /MILLRACE_TEMPORAL_TLS: expected 'on' with MILLRACE_TEMPORAL_API_KEY_FILE/],
    ['a key of two lines', { MILLRACE_TEMPORAL_TLS: 'on', MILLRACE_TEMPORAL_API_KEY_FILE: 'secret-1\nsecret-2' }, /MILLRACE_TEMPORAL_API_KEY_FILE: expected a file of one key/],
    ['an empty file', { MILLRACE_KAFKA_SASL_PASSWORD_FILE: '\n' }, /MILLRACE_KAFKA_SASL_PASSWORD_FILE: .*it is empty/],
    ['a file that is too long', { MILLRACE_KAFKA_SASL_PASSWORD_FILE: 'secret-1'.repeat(131_073) }, /MILLRACE_KAFKA_SASL_PASSWORD_FILE: .*longer than 1048576 bytes/],
    ['no certificate', { MILLRACE_KAFKA_TLS: 'on', MILLRACE_KAFKA_TLS_CA_FILE: 'secret-1' }, /MILLRACE_KAFKA_TLS_CA_FILE: expected a file of certificates in PEM/],
  ])('is refused without its content being shown: %s', (_what, contents, problem) => {
    const environment = Object.fromEntries(Object.entries(contents).map(([name, text]) => [name, name.endsWith('_FILE') ? fileOf('content', text) : text]));
    const problems = problemsOf(environment);
    expect(problems).toMatch(problem);
    expect(problems).not.toContain('secret');
  });
});

it('is given to every client: nothing but the configuration reads the addresses of Kafka and Temporal', () => {
  const files = listFiles(['src', 'activities', 'cli', 'console', 'serving', 'workers'], ['.ts']);
  const readers = files.filter((file) => /\.(kafkaBrokers|temporalAddress)\b/.test(readFileSync(path.join(repositoryRoot, file), 'utf8')));
  expect(readers).toEqual(['src/infra/base-config.ts']);
});
