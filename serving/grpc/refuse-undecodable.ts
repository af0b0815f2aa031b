import { ServerInterceptingCall, type MethodDefinition, type ServerInterceptor, type ServiceDefinition } from '@grpc/grpc-js';
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

type Method = MethodDefinition<unknown, unknown>;

/** The same service, whose requests are decoded whatever they are, for `refuseUndecodable` to see. */
export function decodingAll(definition: ServiceDefinition): ServiceDefinition {
  const methods = Object.entries<Method>(definition).map(([name, method]) => [name, { ...method, requestDeserialize: (bytes: Buffer) => decode(method, bytes) }]);
  return Object.fromEntries(methods) as ServiceDefinition;
}

function decode({ path, requestDeserialize }: Method, bytes: Buffer): unknown {
  try {
    return requestDeserialize(bytes);
  } catch (error) {
    return new Undecodable(path, error);
  }
}

/**
 * The library answers INTERNAL where the bytes of a request can't be decoded, as if the server were at fault: here it is
 * INVALID_ARGUMENT (REQUEST_INVALID). A stream ends with it.
 */
export const refuseUndecodable: ServerInterceptor = (_method, call) => {
  let isRefused = false;
  return new ServerInterceptingCall(call, {
    start(next) {
      next({
        onReceiveMessage(message: unknown, pass) {
          if (!(message instanceof Undecodable)) {
            pass(message);
            return;
          }
          isRefused = true;
          call.sendStatus(serviceErrorOf(message.error));
        },
        onReceiveHalfClose(pass) {
          if (!isRefused) pass();
        },
      });
    },
  });
};
