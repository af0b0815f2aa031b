import type { Environment } from '../src/infra/settings.ts';

/** Ports that the processes listen on where nothing names others; docs/configuration.md has them too. */
const PORT_DEFAULT = { gateway: 7470, serving: 7480, servingGrpc: 7481, console: 7490 } as const;

const urlOf = (port: string | undefined, fallback: number, scheme = 'http'): string => `${scheme}://127.0.0.1:${port || fallback}`;

const schemeOf = (certificateFile: string | undefined): string => (certificateFile ? 'https' : 'http');

export const gatewayUrlOf = (environment: Environment): string =>
  urlOf(environment['MILLRACE_GATEWAY_PORT'], PORT_DEFAULT.gateway, schemeOf(environment['MILLRACE_GATEWAY_TLS_CERTIFICATE_FILE']));

export const servingUrlOf = (environment: Environment): string =>
  urlOf(environment['MILLRACE_SERVING_PORT'], PORT_DEFAULT.serving, schemeOf(environment['MILLRACE_SERVING_TLS_CERTIFICATE_FILE']));

/** `host:port`, as a client of gRPC takes it. */
export const servingGrpcAddressOf = (environment: Environment): string =>
  `127.0.0.1:${environment['MILLRACE_SERVING_GRPC_PORT'] || PORT_DEFAULT.servingGrpc}`;

export const consoleUrlOf = (environment: Environment): string =>
  urlOf(environment['MILLRACE_CONSOLE_PORT'], PORT_DEFAULT.console);
