import { status, type ServerDuplexStream } from '@grpc/grpc-js';
import { FileDescriptors } from './file-descriptors.ts';
import type { GrpcService } from './grpc-service.ts';

const NAME = 'grpc.reflection.v1.ServerReflection';

interface Request {
  readonly messageRequest?: string;
  readonly fileByFilename?: string;
  readonly fileContainingSymbol?: string;
}
type Answer =
  | { readonly fileDescriptorResponse: { readonly fileDescriptorProto: readonly Uint8Array[] } }
  | { readonly listServicesResponse: { readonly service: readonly { readonly name: string }[] } }
  | { readonly errorResponse: { readonly errorCode: status; readonly errorMessage: string } };
type Response = Answer & { readonly validHost: string; readonly originalRequest: Request };

/** The standard reflection service: what lets grpcurl and its like call a server without its proto files. */
export function createReflectionService(services: readonly GrpcService[]): GrpcService {
  const protoFile = new URL('proto/reflection.proto', import.meta.url);
  const names = [...services.map(({ name }) => name), NAME];
  const files = new FileDescriptors([...services.map((service) => service.protoFile), protoFile]);
  const answerOf = (request: Request): Answer => {
    switch (request.messageRequest) {
      case 'listServices':
        return { listServicesResponse: { service: names.map((name) => ({ name })) } };
      case 'fileByFilename':
        return fileOrError(files.named(request.fileByFilename ?? ''), `file '${request.fileByFilename}'`);
      case 'fileContainingSymbol':
        return fileOrError(files.having(request.fileContainingSymbol ?? ''), `symbol '${request.fileContainingSymbol}'`);
      case undefined:
      default:
        return errorOf(status.UNIMPLEMENTED, 'this server has no extensions');
    }
  };
  return {
    name: NAME,
    protoFile,
    handlers: {
      ServerReflectionInfo(call: ServerDuplexStream<Request, Response>): void {
        call.on('data', (request: Request) => {
          if (call.write({ validHost: '', originalRequest: request, ...answerOf(request) })) return;
          // The caller does not read: neither are its requests, or its answers would pile up here.
          call.pause();
          call.once('drain', () => call.resume());
        });
        call.on('end', () => call.end());
      },
    },
  };
}

const fileOrError = (found: Uint8Array | undefined, what: string): Answer =>
  found === undefined
    ? errorOf(status.NOT_FOUND, `${what} is not known`)
    : { fileDescriptorResponse: { fileDescriptorProto: [found] } };

const errorOf = (errorCode: status, errorMessage: string): Answer => ({ errorResponse: { errorCode, errorMessage } });
