import fastify, { type FastifyInstance, type FastifyServerOptions } from 'fastify';
import type { Certificates } from '../infra/access/certificates.ts';
import { followCertificates, tlsOptions } from '../infra/access/tls-options.ts';
import { requestIdOf } from '../infra/request-id.ts';
import type { GatewaySettings } from './gateway-settings.ts';

/** An empty server with the limits of the settings, over TLS where there is a certificate. */
export function openGatewayServer(
  { bodyBytesMax, requestTimeoutMs, headersTimeoutMs: headersTimeout }: GatewaySettings,
  certificates: Certificates | undefined,
  frameworkErrors: NonNullable<FastifyServerOptions['frameworkErrors']>,
): FastifyInstance {
  const limits: FastifyServerOptions = {
    logger: false,
    bodyLimit: bodyBytesMax,
    requestTimeout: requestTimeoutMs,
    genReqId: ({ headers }) => requestIdOf(headers['x-request-id']),
    // What the router itself refuses, such as a path that is no URL, comes to no handler.
    frameworkErrors,
  };
  if (certificates === undefined) return fastify({ ...limits, http: { headersTimeout } });
  const withTls = { ...limits, https: { ...tlsOptions(certificates), headersTimeout, handshakeTimeout: headersTimeout } };
  const app = fastify(withTls as FastifyServerOptions);
  followCertificates(app, certificates);
  return app;
}
