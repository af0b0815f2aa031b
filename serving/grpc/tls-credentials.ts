import { experimental, ServerCredentials } from '@grpc/grpc-js';
import type { CertificatePems, Certificates, CertificateListener } from '../../src/infra/access/certificates.ts';

type Provider = experimental.CertificateProvider;

/** Credentials of the gRPC server: plain text, or TLS by certificates that are followed. */
export function serverCredentials(certificates: Certificates | undefined): ServerCredentials {
  if (certificates === undefined) return ServerCredentials.createInsecure();
  const provider = new CertificateProvider(certificates);
  const needsClients = certificates.pems.clientCa !== undefined;
  return experimental.createCertificateProviderServerCredentials(provider, needsClients ? provider : null, needsClients);
}

/** The library's way to be told of renewals. */
class CertificateProvider implements Provider {
  readonly #certificates: Certificates;
  readonly #listeners = new Map<unknown, CertificateListener>();

  constructor(certificates: Certificates) {
    this.#certificates = certificates;
  }

  addIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#follow(listener, ({ certificate, key }) => listener({ certificate, privateKey: key }));
  }

  addCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#follow(listener, ({ clientCa }) => listener(clientCa === undefined ? null : { caCertificate: clientCa }));
  }

  removeIdentityCertificateListener(listener: experimental.IdentityCertificateUpdateListener): void {
    this.#forget(listener);
  }

  removeCaCertificateListener(listener: experimental.CaCertificateUpdateListener): void {
    this.#forget(listener);
  }

  #follow(key: unknown, tell: CertificateListener): void {
    this.#listeners.set(key, tell);
    this.#certificates.subscribe(tell);
    // The library takes no answer while it subscribes.
    process.nextTick((pems: CertificatePems) => tell(pems), this.#certificates.pems);
  }

  #forget(key: unknown): void {
    const tell = this.#listeners.get(key);
    if (tell !== undefined) this.#certificates.unsubscribe(tell);
    this.#listeners.delete(key);
  }
}
