import { Client, credentials, type Metadata, type ServiceError, type status } from '@grpc/grpc-js';
import { loadProto, serviceOf } from '../../../src/infra/load-proto.ts';

export interface GrpcOutcome {
  readonly ok?: unknown;
  readonly error?: { readonly status: status; readonly message: string; readonly metadata: Metadata };
}

/** A plain client of one service, that knows of Millrace what its proto file says. */
export function createGrpcCaller(address: string, protoFile: URL, name: string) {
  const service = serviceOf(loadProto(protoFile), name);
  const client = new Client(address, credentials.createInsecure());
  return {
    client,
    service,
    call(method: string, message: unknown, deadlineMs?: number): Promise<GrpcOutcome> {
      const { path, requestSerialize, responseDeserialize } = service[method]!;
      const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs };
      return new Promise((resolve) => {
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, message, options, (error, ok) => {
          resolve(error === null ? { ok } : { error: outcomeOf(error) });
        });
      });
    },
    close: () => client.close(),
  };
}

const outcomeOf = ({ code, details, metadata }: ServiceError) => ({ status: code, message: details, metadata });
