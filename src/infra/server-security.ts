import { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { messageOf } from '../core/millrace-error.ts';
import { readSettings, type Environment } from './settings.ts';

/** A bundle of every public CA has a quarter of this. */
const FILE_BYTES_MAX = 1_048_576;

const onOrOff = z.enum(['on', 'off']).default('off');

/** The setting names a file; its value is what the file holds, so that no secret is in the environment. */
const content = z.string().transform((path, context) => {
  try {
    if (statSync(path).size > FILE_BYTES_MAX) throw new Error(`it is longer than ${FILE_BYTES_MAX} bytes`);
    const text = readFileSync(path, 'utf8').replace(/[\r\n]+$/, '');
    if (text.trim() === '') throw new Error('it is empty');
    return text;
  } catch (error) {
    context.addIssue({ code: 'custom', message: `expected a file that can be read and holds something: ${messageOf(error)}` });
    return z.NEVER;
  }
});

const certificates = content.refine(isCertificate, 'expected a file of certificates in PEM');

/** How Millrace shows itself to Kafka and Temporal, and whom it trusts there; docs/configuration.md lists the settings. */
export const securityShape = {
  kafkaTls: onOrOff,
  kafkaTlsCa: certificates.optional(),
  kafkaTlsCertificate: certificates.optional(),
  kafkaTlsKey: content.optional(),
  kafkaSaslMechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).optional(),
  kafkaSaslUsername: z.string().max(1_000).optional(),
  kafkaSaslPassword: content.optional(),
  temporalTls: onOrOff,
  temporalTlsCa: certificates.optional(),
  temporalTlsCertificate: certificates.optional(),
  temporalTlsKey: content.optional(),
  temporalTlsServerName: z.string().regex(/^[^\s:/]+$/, 'expected the name of a host').optional(),
  temporalApiKey: content.refine((key) => /^[\x21-\x7e]+$/.test(key), 'expected a file of one key').optional(),
} as const;

export const securityNames = {
  kafkaTls: 'MILLRACE_KAFKA_TLS',
  kafkaTlsCa: 'MILLRACE_KAFKA_TLS_CA_FILE',
  kafkaTlsCertificate: 'MILLRACE_KAFKA_TLS_CERTIFICATE_FILE',
  kafkaTlsKey: 'MILLRACE_KAFKA_TLS_KEY_FILE',
  kafkaSaslMechanism: 'MILLRACE_KAFKA_SASL_MECHANISM',
  kafkaSaslUsername: 'MILLRACE_KAFKA_SASL_USERNAME',
  kafkaSaslPassword: 'MILLRACE_KAFKA_SASL_PASSWORD_FILE',
  temporalTls: 'MILLRACE_TEMPORAL_TLS',
  temporalTlsCa: 'MILLRACE_TEMPORAL_TLS_CA_FILE',
  temporalTlsCertificate: 'MILLRACE_TEMPORAL_TLS_CERTIFICATE_FILE',
  temporalTlsKey: 'MILLRACE_TEMPORAL_TLS_KEY_FILE',
  temporalTlsServerName: 'MILLRACE_TEMPORAL_TLS_SERVER_NAME',
  temporalApiKey: 'MILLRACE_TEMPORAL_API_KEY_FILE',
} as const;

type Settings = Readonly<z.output<z.ZodObject<typeof securityShape>>>;
type Name = keyof Settings;

/** As `node:tls` takes them; what is absent is the system's. */
export interface TlsOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
}

export interface SaslOptions {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

export interface KafkaSecurity {
  /** Absent: plain text. */
  readonly tls?: TlsOptions;
  readonly sasl?: SaslOptions;
}

export interface TemporalSecurity {
  /** Absent: plain text. */
  readonly tls?: TlsOptions;
  readonly apiKey?: string;
}

export interface ServerSecurity {
  readonly kafka: KafkaSecurity;
  readonly temporal: TemporalSecurity;
}

/** Settings that are nothing without one another. */
const groups: readonly (readonly Name[])[] = [
  ['kafkaTlsCertificate', 'kafkaTlsKey'],
  ['kafkaSaslMechanism', 'kafkaSaslUsername', 'kafkaSaslPassword'],
  ['temporalTlsCertificate', 'temporalTlsKey'],
];
/** Settings that would be without effect over plain text, and a key that everybody between could read. */
const overTls = {
  kafkaTls: ['kafkaTlsCa', 'kafkaTlsCertificate', 'kafkaTlsKey'],
  temporalTls: ['temporalTlsCa', 'temporalTlsCertificate', 'temporalTlsKey', 'temporalTlsServerName', 'temporalApiKey'],
} as const;
const pairs = [
  ['kafkaTlsCertificate', 'kafkaTlsKey'],
  ['temporalTlsCertificate', 'temporalTlsKey'],
] as const;

/** Adds a problem for what is missing beside another setting, or does not belong to it. A wrong value counts as given. */
export function checkSecurity(settings: Settings, context: z.core.$RefinementCtx): void {
  const complain = (name: Name, message: string): void => context.addIssue({ code: 'custom', path: [name], message });
  const isGiven = (name: Name): boolean => settings[name] !== undefined;
  for (const group of groups) {
    const given = group.find(isGiven);
    if (given === undefined) continue;
    for (const missing of group.filter((name) => !isGiven(name))) complain(missing, `expected with ${securityNames[given]}`);
  }
  for (const tls of ['kafkaTls', 'temporalTls'] as const) {
    const given = overTls[tls].find((name) => isGiven(name));
    if (settings[tls] === 'off' && given !== undefined) complain(tls, `expected 'on' with ${securityNames[given]}`);
  }
  for (const [certificate, key] of pairs) {
    const problem = mismatch(settings[certificate], settings[key]);
    if (problem === undefined) continue;
    complain(key, `expected the private key (PEM, without a passphrase) of the certificate in ${securityNames[certificate]}: ${problem}`);
  }
}

function isCertificate(text: string): boolean {
  try {
    return Boolean(new X509Certificate(text));
  } catch {
    return false;
  }
}

/** Why the two do not belong together; a setting that has its own problem is none of the kind. */
function mismatch(cert: unknown, key: unknown): string | undefined {
  if (typeof cert !== 'string' || typeof key !== 'string' || !isCertificate(cert)) return undefined;
  try {
    createSecureContext({ cert, key });
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

export function securityOf(settings: Settings): ServerSecurity {
  const { kafkaSaslMechanism: mechanism, kafkaSaslUsername: username, kafkaSaslPassword: password, temporalApiKey: apiKey } = settings;
  const hasSasl = mechanism !== undefined && username !== undefined && password !== undefined;
  return {
    kafka: {
      ...(settings.kafkaTls === 'on' ? { tls: tlsOf(settings.kafkaTlsCa, settings.kafkaTlsCertificate, settings.kafkaTlsKey) } : {}),
      ...(hasSasl ? { sasl: { mechanism, username, password } } : {}),
    },
    temporal: {
      ...(settings.temporalTls === 'on'
        ? { tls: tlsOf(settings.temporalTlsCa, settings.temporalTlsCertificate, settings.temporalTlsKey, settings.temporalTlsServerName) }
        : {}),
      ...(apiKey === undefined ? {} : { apiKey }),
    },
  };
}

const tlsOf = (ca?: string, cert?: string, key?: string, servername?: string): TlsOptions => ({
  ...(ca === undefined ? {} : { ca }),
  ...(cert === undefined ? {} : { cert }),
  ...(key === undefined ? {} : { key }),
  ...(servername === undefined ? {} : { servername }),
});

/**
 * For a program that has the addresses from elsewhere.
 * @throws MillraceError CONFIG_INVALID naming every wrong variable
 */
export function loadServerSecurity(environment: Environment): ServerSecurity {
  return securityOf(readSettings(z.object(securityShape).superRefine(checkSecurity, { when: () => true }), securityNames, environment));
}
