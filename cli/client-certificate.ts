import { readFile } from 'node:fs/promises';
import type { Agent } from 'undici';
import { messageOf, MillraceError } from '../src/core/millrace-error.ts';
import type { Environment } from '../src/infra/settings.ts';

const VARIABLES = ['MILLRACE_CLIENT_CERTIFICATE_FILE', 'MILLRACE_CLIENT_KEY_FILE'] as const;

/**
 * Connections to processes that ask their clients for a certificate; undefined where the environment names none.
 * @throws MillraceError CONFIG_INVALID naming what can't be read
 */
export async function agentWithCertificate(environment: Environment): Promise<Agent | undefined> {
  const [certificateFile, keyFile] = VARIABLES.map((variable) => environment[variable] || undefined);
  if (certificateFile === undefined && keyFile === undefined) return undefined;
  if (certificateFile === undefined || keyFile === undefined) {
    throw new MillraceError('CONFIG_INVALID', `Client certificate: ${VARIABLES.join(' and ')} belong together, found one of them. Set both.`);
  }
  const [cert, key] = await Promise.all([read(certificateFile), read(keyFile)]);
  const { Agent } = await import('undici');
  return new Agent({ connect: { cert, key } });
}

const read = (file: string): Promise<string> =>
  readFile(file, 'utf8').catch((cause: unknown) => {
    throw new MillraceError('CONFIG_INVALID', `Client certificate: '${file}' can't be read: ${messageOf(cause)}. Check ${VARIABLES.join(' and ')}.`, { cause });
  });
