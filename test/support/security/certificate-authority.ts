import { execFileSync } from 'node:child_process';
import path from 'node:path';

export interface CertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateAuthority {
  /** Path of its own certificate. */
  readonly ca: string;
  /** Paths of a certificate of this machine that it signed, for a server or a client. PEM. */
  issue(name: string): CertificateFiles;
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];

/** Signs as companies do: some clients take no certificate that signed itself. */
export function createAuthority(directory: string, name = 'ca'): CertificateAuthority {
  const fileOf = (kind: string): string => path.join(directory, kind);
  const [ca, caKey] = [fileOf(`${name}.pem`), fileOf(`${name}.key`)];
  const run = (...args: string[]): void => void execFileSync('openssl', ['req', '-x509', ...EC, ...args], { stdio: 'ignore' });
  run('-subj', `/CN=${name}`, '-out', ca, '-keyout', caKey);
  return {
    ca,
    issue(leaf) {
      const [certificate, key] = [fileOf(`${leaf}.pem`), fileOf(`${leaf}.key`)];
      const names = ['-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:temporal.example', '-addext', 'basicConstraints=critical,CA:FALSE'];
      run('-subj', `/CN=${leaf}`, ...names, '-CA', ca, '-CAkey', caKey, '-out', certificate, '-keyout', key);
      return { certificate, key };
    },
  };
}
