import { Client, credentials, Metadata, status, type ServiceDefinition, type ServiceError } from '@grpc/grpc-js';
import { ERROR_CODE_METADATA } from '../contracts/feature-store.ts';
import { errorTable, type ErrorCode } from '../core/error-table.ts';
import { MillraceError } from '../core/millrace-error.ts';

/** A row of 1,024 numbers for 1,000 entities is 8 MB. */
const RECEIVED_BYTES_MAX = 64 * 1_048_576;
const KEEPALIVE_MS = 30_000;

export interface GrpcClientOptions {
  /** `host:port`, or any other target of gRPC, such as `dns:///serving:7481`. */
  readonly address: string;
  /** Whether to speak TLS, with the certificates that Node trusts. */
  readonly tls: boolean;
  readonly service: ServiceDefinition;
  /** Sent with every call, for servers with access control. */
  readonly apiKey?: string | undefined;
}

export interface GrpcClient {
  /** @throws MillraceError: the server's own, or PROCESS_UNREACHABLE, SERVING_DEADLINE_EXCEEDED, REQUEST_TOO_LARGE */
  call<Request, Response>(method: string, request: Request, timeoutMs: number): Promise<Response>;
  close(): void;
}

/** A channel to one service. Where the address has several servers, calls take turns between them. */
export function createGrpcClient({ address, tls, service, apiKey }: GrpcClientOptions): GrpcClient {
  const metadata = new Metadata();
  if (apiKey !== undefined) metadata.set('x-api-key', apiKey);
  const client = new Client(address, tls ? credentials.createSsl() : credentials.createInsecure(), {
    'grpc.max_receive_message_length': RECEIVED_BYTES_MAX,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.service_config': JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
  });
  return {
    call<Request, Response>(method: string, request: Request, timeoutMs: number) {
      const { path, requestSerialize, responseDeserialize } = service[method]!;
      return new Promise<Response>((resolve, reject) => {
        const serialize = requestSerialize as (value: Request) => Buffer;
        const deserialize = responseDeserialize as (bytes: Buffer) => Response;
        const deadline = Date.now() + timeoutMs;
        client.makeUnaryRequest(path, serialize, deserialize, request, metadata, { deadline }, (error, answer) => {
          if (error !== null) reject(translateGrpcError(error, address));
          else resolve(answer as Response);
        });
      });
    },
    close: () => client.close(),
  };
}

/** Codes of failures that the library found by itself, without a word of the server. */
const codeOfStatus: Partial<Record<status, ErrorCode>> = {
  [status.DEADLINE_EXCEEDED]: 'SERVING_DEADLINE_EXCEEDED',
  [status.RESOURCE_EXHAUSTED]: 'REQUEST_TOO_LARGE',
};

function translateGrpcError(error: ServiceError, address: string): MillraceError {
  const told = codeOf(error.metadata);
  if (told !== undefined) return new MillraceError(told, error.details, { cause: error });
  return new MillraceError(
    codeOfStatus[error.code] ?? 'PROCESS_UNREACHABLE',
    `The call of ${address} by gRPC failed: ${error.message}. Check the address, the deadline and the size of the request.`,
    { cause: error },
  );
}

function codeOf(metadata: Metadata | undefined): ErrorCode | undefined {
  const [code] = metadata?.get(ERROR_CODE_METADATA) ?? [];
  return typeof code === 'string' && Object.hasOwn(errorTable, code) ? (code as ErrorCode) : undefined;
}
