import { Client, credentials, Metadata, type ClientOptions, type ServiceError, type status } from '@grpc/grpc-js';
import { loadProto, serviceOf } from '../../../src/infra/load-proto.ts';

export interface GrpcOutcome {
  readonly ok?: unknown;
  readonly error?: { readonly status: status; readonly message: string; readonly metadata: Metadata };
}

/** A plain client of one service, that knows of Millrace what its proto file says. `headers` go with every call. */
export function createGrpcCaller(
  address: string,
  protoFile: URL,
  name: string,
  headers: Readonly<Record<string, string>> = {},
  channel = credentials.createInsecure(),
  clientOptions: ClientOptions = {},
) {
  const service = serviceOf(loadProto(protoFile), name);
  const client = new Client(address, channel, clientOptions);
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(headers)) metadata.set(key, value);
  return {
    client,
    service,
    call(method: string, message: unknown, deadlineMs?: number): Promise<GrpcOutcome> {
      const { path, requestSerialize, responseDeserialize } = service[method]!;
      const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
      return new Promise((resolve) => {
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, metadata, options, (error, ok) => {
          resolve(error === null ? { ok } : { error: outcomeOf(error) });
        });
      });
    },
    close: () => client.close(),
  };
}

const outcomeOf = ({ code, details, metadata }: ServiceError) => ({ status: code, message: details, metadata });
