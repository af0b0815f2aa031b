import { setTimeout as sleep } from 'node:timers/promises';
import type { Metadata } from '@grpc/grpc-js';
import { startGrpcServer } from './grpc/create-grpc-server.ts';
import { createFeatureStoreService } from './grpc/feature-store-service.ts';
import { createInferenceService } from './grpc/inference-service.ts';
import { traceCalls } from './grpc/trace-calls.ts';
import { createHttpServer, type HttpServerOptions } from './http/create-http-server.ts';
import { traceOf } from './request-trace.ts';

export interface Transports {
  readonly url: string;
  readonly grpcAddress: string;
  /** gRPC's health says from here on that nothing is served; everything still is. */
  retire(): void;
  /** No new requests; resolves when those in flight are answered. */
  drain(): Promise<void>;
}

/** Connections that the kernel holds until they are accepted; it may allow fewer. One more is lost, and tried again by its client after a second. */
const CONNECTIONS_UNACCEPTED_MAX = 4_096;

/** Both faces of a serving process, over the same planes. Resolves when they listen. */
export async function openTransports(options: HttpServerOptions): Promise<Transports> {
  const { settings, access, certificates, logger, tracer, onlineFeatures, modelControl, openInference: inference } = options;
  const { host, port, grpcPort, bodyBytesMax: messageBytesMax, keepAliveMs, timeoutMsMax, drainTimeoutMs } = settings;
  const http = createHttpServer(options);
  const url = await http.listen({ host, port, backlog: CONNECTIONS_UNACCEPTED_MAX });
  const traced = traceCalls(tracer);
  const traceOfCall = ({ metadata }: { readonly metadata: Metadata }) => traceOf(tracer, traced.spanOf(metadata));
  const services = [
    createFeatureStoreService({ onlineFeatures, timeoutMsMax, traceOfCall, logger }),
    createInferenceService({ inference, modelControl, timeoutMsMax, traceOfCall, logger }),
  ];
  const { interceptors } = traced;
  const receptionMsMax = timeoutMsMax;
  const grpc = await startGrpcServer({ host, port: grpcPort, messageBytesMax, keepAliveMs, receptionMsMax, services, access, certificates, interceptors, logger });
  return {
    url,
    grpcAddress: grpc.address,
    retire: () => grpc.retire(),
    async drain() {
      const giveUp = sleep(drainTimeoutMs, undefined, { ref: false });
      await Promise.all([http.close(), grpc.drain(giveUp)]);
    },
  };
}
