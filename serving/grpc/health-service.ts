import { status, type sendUnaryData, type ServerUnaryCall, type ServerWritableStream } from '@grpc/grpc-js';
import { shorten } from '../../src/core/shorten.ts';
import type { GrpcService } from './grpc-service.ts';
import { detailsOf } from './grpc-status.ts';

type ServingStatus = 'SERVING' | 'NOT_SERVING' | 'SERVICE_UNKNOWN';
interface Request {
  readonly service: string;
}
interface Response {
  readonly status: ServingStatus;
}
type Watcher = ServerWritableStream<Request, Response>;

/** The standard health service; the empty name asks for the server as a whole. */
export class HealthService implements GrpcService {
  readonly name = 'grpc.health.v1.Health';
  readonly protoFile = new URL('proto/health.proto', import.meta.url);
  readonly #services: ReadonlySet<string>;
  readonly #watchers = new Set<Watcher>();
  #serving = true;

  constructor(services: readonly string[]) {
    this.#services = new Set(['', ...services]);
  }

  readonly handlers = {
    Check: ({ request }: ServerUnaryCall<Request, Response>, respond: sendUnaryData<Response>): void => {
      const found = this.#statusOf(request.service);
      if (found === 'SERVICE_UNKNOWN') {
        respond({ code: status.NOT_FOUND, details: detailsOf(`Service '${shorten(request.service)}' is not one of this server's.`) });
      } else {
        respond(null, { status: found });
      }
    },
    Watch: (call: Watcher): void => {
      this.#watchers.add(call);
      call.on('cancelled', () => this.#watchers.delete(call));
      call.write({ status: this.#statusOf(call.request.service) });
    },
  };

  /** Tells every watcher that nothing is served any more, and ends its stream: one that is open holds up the shutdown. */
  retire(): void {
    this.#serving = false;
    for (const call of this.#watchers) {
      call.write({ status: this.#statusOf(call.request.service) });
      call.end();
    }
    this.#watchers.clear();
  }

  #statusOf(service: string): ServingStatus {
    if (!this.#services.has(service)) return 'SERVICE_UNKNOWN';
    return this.#serving ? 'SERVING' : 'NOT_SERVING';
  }
}
