import { z } from 'zod';
import { isUrl } from './issuer-keys.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const milliseconds = (max: number) => z.coerce.number().int().min(1).max(max);
const text = z.string().min(1).max(1_000).optional();
const LOOPBACK = ['127.0.0.1', '[::1]', 'localhost'];

/** Settings of who may call a process; docs/serving.md says what each is for. */
export const accessShape = {
  apiKeysFile: text,
  jwtIssuer: text,
  jwtAudience: text,
  jwtJwks: text.refine((jwks) => jwks === undefined || !isUrl(jwks) || isTrustedUrl(jwks), 'expected https, or http on this machine'),
  jwtJwksTimeoutMs: milliseconds(MINUTE_MS).default(5_000),
  jwtJwksKeepMs: milliseconds(24 * HOUR_MS).default(10 * MINUTE_MS),
  jwtRolesClaim: z.string().min(1).max(200).default('roles'),
  jwtClockToleranceMs: z.coerce.number().int().min(0).max(5 * MINUTE_MS).default(30_000),
  tlsCertificateFile: text,
  tlsKeyFile: text,
  tlsClientCaFile: text,
  metricsAccess: z.enum(['operate', 'open']).default('operate'),
} as const;

export type AccessSettings = Readonly<z.output<z.ZodObject<typeof accessShape>>>;
type Name = keyof AccessSettings;
export type AccessSettingNames = Readonly<Record<Name, string>>;

/** Their variables in the environment of one kind of process. */
export const accessSettingNames = (process: 'SERVING' | 'GATEWAY'): AccessSettingNames => ({
  apiKeysFile: `MILLRACE_${process}_API_KEYS_FILE`,
  jwtIssuer: `MILLRACE_${process}_JWT_ISSUER`,
  jwtAudience: `MILLRACE_${process}_JWT_AUDIENCE`,
  jwtJwks: `MILLRACE_${process}_JWT_JWKS`,
  jwtJwksTimeoutMs: `MILLRACE_${process}_JWT_JWKS_TIMEOUT_MS`,
  jwtJwksKeepMs: `MILLRACE_${process}_JWT_JWKS_KEEP_MS`,
  jwtRolesClaim: `MILLRACE_${process}_JWT_ROLES_CLAIM`,
  jwtClockToleranceMs: `MILLRACE_${process}_JWT_CLOCK_TOLERANCE_MS`,
  tlsCertificateFile: `MILLRACE_${process}_TLS_CERTIFICATE_FILE`,
  tlsKeyFile: `MILLRACE_${process}_TLS_KEY_FILE`,
  tlsClientCaFile: `MILLRACE_${process}_TLS_CLIENT_CA_FILE`,
  metricsAccess: `MILLRACE_${process}_METRICS_ACCESS`,
});

/** Settings that are nothing without others. */
const needs: readonly (readonly [settings: readonly Name[], needed: readonly Name[]])[] = [
  [['jwtIssuer', 'jwtAudience', 'jwtJwks'], ['jwtIssuer', 'jwtAudience', 'jwtJwks']],
  [['tlsCertificateFile', 'tlsKeyFile', 'tlsClientCaFile'], ['tlsCertificateFile', 'tlsKeyFile']],
];

/** Adds a problem for each setting that is missing beside another one. */
export function checkTogether(settings: AccessSettings, names: AccessSettingNames, context: z.core.$RefinementCtx): void {
  for (const [group, needed] of needs) {
    const given = group.find((name) => settings[name] !== undefined);
    if (given === undefined) continue;
    for (const missing of needed.filter((name) => settings[name] === undefined)) {
      context.addIssue({ code: 'custom', path: [missing], message: `expected with ${names[given]}` });
    }
  }
}

function isTrustedUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || LOOPBACK.includes(hostname);
}
