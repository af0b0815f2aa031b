import type { Server, ServerOptions } from 'node:https';
import type { FastifyInstance } from 'fastify';
import type { CertificatePems, Certificates } from './certificates.ts';

/** How the server starts with the certificates as they are now. Where clients need one, a connection without is refused. */
export const tlsOptions = ({ pems }: Certificates): ServerOptions => ({ ...contextOf(pems), requestCert: pems.clientCa !== undefined });

/** Connections that come after a renewal get the new certificate; those that are open go on. */
export function followCertificates(app: FastifyInstance, certificates: Certificates): void {
  const renew = (pems: CertificatePems): void => (app.server as unknown as Server).setSecureContext(contextOf(pems));
  certificates.subscribe(renew);
  app.addHook('onClose', () => certificates.unsubscribe(renew));
}

const contextOf = ({ certificate, key, clientCa }: CertificatePems) => ({ cert: certificate, key, ...(clientCa === undefined ? {} : { ca: clientCa }) });
