import type { MethodDefinition, sendUnaryData, ServerUnaryCall, ServerWritableStream, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { serviceErrorOf } from './grpc-status.ts';

/** Stands in the place of a request whose bytes are no such message. */
class Undecodable {
  readonly error: MillraceError;

  constructor(path: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    this.error = new MillraceError('REQUEST_INVALID', `${path}: the bytes of the request are not its message: ${why}. Send what its proto file says.`, { cause });
  }
}

type Call = ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>;
type Handler = (call: Call, respond?: sendUnaryData<unknown>) => void;
type Method = MethodDefinition<unknown, unknown>;

/**
 * The library answers INTERNAL where the bytes of a request can't be decoded, as if the server were at fault: here it is
 * INVALID_ARGUMENT (REQUEST_INVALID), for every method that takes one request.
 */
export function refuseUndecodable(
  definition: ServiceDefinition,
  handlers: UntypedServiceImplementation,
): [ServiceDefinition, UntypedServiceImplementation] {
  const methods: Record<string, Method> = {};
  const guarded: Record<string, UntypedServiceImplementation[string]> = { ...handlers };
  for (const [name, method] of Object.entries<Method>(definition)) {
    methods[name] = method.requestStream ? method : { ...method, requestDeserialize: (bytes) => decode(method, bytes) };
    const handler = handlers[name] as Handler | undefined;
    if (handler !== undefined && !method.requestStream) guarded[name] = guard(handler);
  }
  return [methods, guarded];
}

function decode({ path, requestDeserialize }: Method, bytes: Buffer): unknown {
  try {
    return requestDeserialize(bytes);
  } catch (error) {
    return new Undecodable(path, error);
  }
}

const guard =
  (handler: Handler): Handler =>
  (call, respond) => {
    if (!(call.request instanceof Undecodable)) handler(call, respond);
    else if (respond === undefined) call.emit('error', serviceErrorOf(call.request.error));
    else respond(serviceErrorOf(call.request.error));
  };
