import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { messageOf, MillraceError } from '../../core/millrace-error.ts';
import type { Logger } from '../logger.ts';
import type { AccessSettings } from './access-settings.ts';
import { FollowedFiles } from './followed-files.ts';

/** What a server of TLS needs, PEM. */
export interface CertificatePems {
  /** With what leads to its root, the leaf first. */
  readonly certificate: Buffer;
  readonly key: Buffer;
  /** Of those that sign clients' certificates; absent where clients need none. */
  readonly clientCa: Buffer | undefined;
}

export type CertificateListener = (pems: CertificatePems) => void;

/** The certificate of a process and its key, read again when they are renewed. */
export class Certificates {
  readonly #listeners = new Set<CertificateListener>();
  #pems: CertificatePems;

  constructor(pems: CertificatePems) {
    this.#pems = pems;
  }

  get pems(): CertificatePems {
    return this.#pems;
  }

  /** Tells of each renewal. */
  subscribe(listener: CertificateListener): void {
    this.#listeners.add(listener);
  }

  unsubscribe(listener: CertificateListener): void {
    this.#listeners.delete(listener);
  }

  renew(pems: CertificatePems): void {
    this.#pems = pems;
    for (const listener of this.#listeners) listener(pems);
  }
}

/**
 * The certificates that the settings name; undefined where they name none, and the process speaks plain text.
 * @throws CONFIG_INVALID where a file is wrong, or the key is not the certificate's
 */
export async function openCertificates(
  { tlsCertificateFile, tlsKeyFile, tlsClientCaFile }: AccessSettings,
  logger: Logger,
): Promise<{ readonly certificates: Certificates; close(): Promise<void> } | undefined> {
  if (tlsCertificateFile === undefined || tlsKeyFile === undefined) return undefined;
  let certificates: Certificates | undefined;
  const take = async (): Promise<void> => {
    const [certificate, key, clientCa] = await Promise.all([
      readFile(tlsCertificateFile),
      readFile(tlsKeyFile),
      tlsClientCaFile === undefined ? undefined : readFile(tlsClientCaFile),
    ]);
    const pems = checked({ certificate, key, clientCa }, tlsCertificateFile);
    if (certificates === undefined) certificates = new Certificates(pems);
    else certificates.renew(pems);
    const { validTo } = new X509Certificate(certificate);
    logger.info({ validTo }, 'certificate of the process');
  };
  const paths = [tlsCertificateFile, tlsKeyFile, tlsClientCaFile].filter((path) => path !== undefined);
  const files = await FollowedFiles.open({ what: 'certificate and key', paths, take, logger });
  return { certificates: certificates!, close: () => files.close() };
}

/** As a server would take them: a renewal half written, whose key is still the old one's, is not taken. */
function checked(pems: CertificatePems, file: string): CertificatePems {
  try {
    createSecureContext({ cert: pems.certificate, key: pems.key });
    if (pems.clientCa !== undefined) new X509Certificate(pems.clientCa);
    return pems;
  } catch (cause) {
    throw new MillraceError(
      'CONFIG_INVALID',
      `The certificate ${file}, its key and the CA of clients should be PEM and belong together: ${messageOf(cause)}. Check the files.`,
      { cause },
    );
  }
}
