import { ServerInterceptingCall, type ServerInterceptingCallInterface, type ServerInterceptor } from '@grpc/grpc-js';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { serviceErrorOf } from './grpc-status.ts';

/**
 * Ends a call whose request does not come: the library waits for it without a limit. One message is a request only once the caller
 * has ended its side; of a stream of them the first is waited for.
 * @param patient paths of methods that have a limit of their own
 */
export const limitReception =
  (limitMs: number, patient: ReadonlySet<string>): ServerInterceptor =>
  ({ path, requestStream }, call) => {
    if (patient.has(path)) return new ServerInterceptingCall(call);
    let limit: NodeJS.Timeout | undefined;
    const stop = (): void => clearTimeout(limit);
    const late = (): void => {
      call.sendStatus(
        serviceErrorOf(new MillraceError('SERVING_DEADLINE_EXCEEDED', `${path}: the request did not come to its end within ${limitMs} ms. Send its message with the call, and end it.`)),
      );
      setImmediate(reset, call);
    };
    return new ServerInterceptingCall(call, {
      start(next) {
        limit = setTimeout(late, limitMs).unref();
        next({
          onReceiveMessage(message, pass) {
            if (requestStream) stop();
            pass(message);
          },
          onReceiveHalfClose(pass) {
            stop();
            pass();
          },
          onCancel: stop,
        });
      },
      sendStatus(status, next) {
        stop();
        next(status);
      },
    });
  };

/** A status ends only the server's side: what has come of the request would be held until its caller ends the other, or the connection. */
function reset(call: ServerInterceptingCallInterface): void {
  // The library has no word for it, and hands this interceptor, its first, the call that holds the stream.
  (call as { readonly stream?: ServerHttp2Stream }).stream?.close(constants.NGHTTP2_NO_ERROR);
}
