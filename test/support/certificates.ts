import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
}

/** The program that makes certificates: Node has nothing for it. */
export function hasOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** A self-signed certificate of this machine, for servers and clients alike; also the CA that it is verified by. PEM. */
export function createCertificate(directory: string, name: string): TestCertificate {
  const [certificate, key] = [path.join(directory, `${name}.made.pem`), path.join(directory, `${name}.made.key`)];
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  const names = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'];
  execFileSync('openssl', ['req', ...kind, ...names, '-out', certificate, '-keyout', key], { stdio: 'ignore' });
  return { certificate: readFileSync(certificate, 'utf8'), key: readFileSync(key, 'utf8') };
}
