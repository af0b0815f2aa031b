import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kafkaServers, loadBaseConfig } from '../../../src/infra/base-config.ts';
import { createKafka, type KafkaClient } from '../../../src/infra/kafka.ts';
import { loadServerSecurity } from '../../../src/infra/server-security.ts';
import type { Environment } from '../../../src/infra/settings.ts';
import { probeFailure } from '../../../stack/probe-server.ts';
import { createAuthority } from '../../support/security/certificate-authority.ts';
import { startSecuredKafka, USER, type SecuredKafka } from '../../support/security/secured-kafka.ts';
import { hasOpenssl } from '../../support/certificates.ts';

const PASSWORD = 'right-7f3b';
const WRONG_PASSWORD = 'wrong-91ac';
const TOPIC = 'secured';

const directory = mkdtempSync(path.join(tmpdir(), 'millrace-secured-kafka-'));
const file = (name: string, content: string): string => {
  const place = path.join(directory, name);
  writeFileSync(place, content);
  return place;
};
let logged = '';
const logger = pino({ level: 'trace' }, { write: (line: string) => void (logged += line) });
let broker: SecuredKafka | undefined;
let byUser: Environment;
let byCertificate: Environment;

beforeAll(async () => {
  if (!hasOpenssl()) return;
  const authority = createAuthority(directory);
  broker = await startSecuredKafka(path.join(directory, 'broker'), authority, PASSWORD);
  const { certificate, key } = authority.issue('client');
  const tls = { MILLRACE_PROJECT: 'none', MILLRACE_KAFKA_TLS: 'on', MILLRACE_KAFKA_TLS_CA_FILE: authority.ca };
  byUser = {
    ...tls,
    MILLRACE_KAFKA_BROKERS: broker?.users,
    MILLRACE_KAFKA_SASL_MECHANISM: 'scram-sha-512',
    MILLRACE_KAFKA_SASL_USERNAME: USER,
    MILLRACE_KAFKA_SASL_PASSWORD_FILE: file('password', `${PASSWORD}\n`),
  };
  byCertificate = { ...tls, MILLRACE_KAFKA_BROKERS: broker?.mutual, MILLRACE_KAFKA_TLS_CERTIFICATE_FILE: certificate, MILLRACE_KAFKA_TLS_KEY_FILE: key };
});
afterAll(() => {
  broker?.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function withKafka<T>(environment: Environment, work: (kafka: KafkaClient) => Promise<T>): Promise<T> {
  const kafka = createKafka({ ...kafkaServers(loadBaseConfig(environment)), clientId: 'test', logger });
  try {
    return await work(kafka);
  } finally {
    await kafka.close();
  }
}

/** What one message that is sent comes back as. */
async function sendAndReceive(kafka: KafkaClient, text: string): Promise<string> {
  await kafka.ensureTopics([{ topic: TOPIC, partitions: 1 }]);
  const producer = await kafka.createProducer();
  const [sent] = await producer.send([{ topic: TOPIC, partition: 0, key: null, value: text }]);
  await producer.close();
  let receive: (text: string) => void = () => undefined;
  const received = new Promise<string>((resolve) => (receive = resolve));
  const consumer = await kafka.startConsumer({
    groupId: `group-${text}`,
    topics: [TOPIC],
    positionOf: async () => sent?.baseOffset ?? 0,
    onBatch: async ({ messages }) => {
      const found = messages.find(({ offset }) => offset === sent?.baseOffset);
      if (found !== undefined) receive(String(found.value));
      return undefined;
    },
  });
  try {
    return await Promise.race([received, consumer.ended.then(() => 'ended')]);
  } finally {
    await consumer.stop();
  }
}

describe('a cluster of Kafka that asks who we are', () => {
  it('takes a user by SASL over TLS: admin, producer and consumer', async ({ skip }) => {
    if (broker === undefined) skip();
    expect(await withKafka(byUser, (kafka) => sendAndReceive(kafka, 'by-user'))).toBe('by-user');
  });

  it('takes a certificate', async ({ skip }) => {
    if (broker === undefined) skip();
    expect(await withKafka(byCertificate, (kafka) => sendAndReceive(kafka, 'by-certificate'))).toBe('by-certificate');
  });

  it.each(['plain', 'scram-sha-256'])('takes the mechanism %s', async (mechanism) => {
    if (broker === undefined) return;
    const topics = await withKafka({ ...byUser, MILLRACE_KAFKA_SASL_MECHANISM: mechanism }, (kafka) => kafka.topicPartitions([TOPIC]));
    expect(topics.get(TOPIC)).toBe(1);
  });

  it.each(['plain', 'scram-sha-512'])('refuses a wrong password by %s for good, which is shown nowhere', async (mechanism) => {
    if (broker === undefined) return;
    const wrong = { ...byUser, MILLRACE_KAFKA_SASL_MECHANISM: mechanism, MILLRACE_KAFKA_SASL_PASSWORD_FILE: file('wrong', WRONG_PASSWORD) };
    const expected = { code: 'STREAM_REFUSED', retryable: false, message: expect.stringMatching(/refused the credentials.*MILLRACE_KAFKA_SASL_PASSWORD_FILE/) as string };
    const attempts: ((kafka: KafkaClient) => Promise<unknown>)[] = [
      (kafka) => kafka.topicPartitions([TOPIC]),
      (kafka) => kafka.createProducer(),
      (kafka) => kafka.startConsumer({ groupId: 'wrong', topics: [TOPIC], positionOf: async () => null, onBatch: async () => undefined }),
    ];
    for (const attempt of attempts) {
      const error: Error = await withKafka(wrong, attempt).then(() => new Error('let in'), (refused: Error) => refused);
      expect(error).toMatchObject(expected);
      expect(error.message).not.toContain(WRONG_PASSWORD);
    }
    expect(logged).toContain('authentication failed');
    expect(logged).not.toMatch(new RegExp(`${WRONG_PASSWORD}|${PASSWORD}`));
  });

  it.each([
    ['without its CA', { MILLRACE_KAFKA_TLS_CA_FILE: '' }, /certificate/],
    ['without a certificate', { MILLRACE_KAFKA_TLS_CERTIFICATE_FILE: '', MILLRACE_KAFKA_TLS_KEY_FILE: '' }, /certificate|closed/i],
    ['in plain text', { MILLRACE_KAFKA_TLS: 'off', MILLRACE_KAFKA_TLS_CA_FILE: '', MILLRACE_KAFKA_TLS_CERTIFICATE_FILE: '', MILLRACE_KAFKA_TLS_KEY_FILE: '' }, /Closed connection/],
  ])('is away for a client %s, whose error says why', async (_how, changes, why) => {
    if (broker === undefined) return;
    const error: Error = await withKafka({ ...byCertificate, ...changes }, (kafka) => kafka.topicPartitions([TOPIC])).then(() => new Error('let in'), (refused: Error) => refused);
    expect(error).toMatchObject({ code: 'STREAM_UNAVAILABLE', message: expect.stringMatching(/MILLRACE_KAFKA_TLS/) as string });
    expect(error.message).toMatch(why);
  });

  it('is looked for with the same settings by `millrace up`', async ({ skip }) => {
    if (broker === undefined) skip();
    expect(await probeFailure('kafka', byCertificate['MILLRACE_KAFKA_BROKERS'] as string, loadServerSecurity(byCertificate))).toBeUndefined();
    expect(await probeFailure('kafka', byUser['MILLRACE_KAFKA_BROKERS'] as string, loadServerSecurity({ MILLRACE_KAFKA_TLS: 'on' }))).toMatch(/certificate/);
  });
});
