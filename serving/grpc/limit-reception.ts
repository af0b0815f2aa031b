import { ServerInterceptingCall, type ServerInterceptor } from '@grpc/grpc-js';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { serviceErrorOf } from './grpc-status.ts';

/** Ends a call whose message does not come: the library waits for it without a limit. */
export const limitReception =
  (limitMs: number): ServerInterceptor =>
  ({ path }, call) => {
    let limit: NodeJS.Timeout | undefined;
    const stop = (): void => clearTimeout(limit);
    const late = (): void =>
      call.sendStatus(
        serviceErrorOf(new MillraceError('SERVING_DEADLINE_EXCEEDED', `${path}: the request's message did not come within ${limitMs} ms. Send it with the call.`)),
      );
    return new ServerInterceptingCall(call, {
      start(next) {
        limit = setTimeout(late, limitMs).unref();
        next({
          onReceiveMessage(message, pass) {
            stop();
            pass(message);
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
