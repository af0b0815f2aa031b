import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../src/infra/logger.ts';
import { startGrpcServer } from './grpc/create-grpc-server.ts';
import { createFeatureStoreService } from './grpc/feature-store-service.ts';
import { createInferenceService } from './grpc/inference-service.ts';
import { createHttpServer, type HttpServerOptions } from './http/create-http-server.ts';

export interface TransportsOptions extends HttpServerOptions {
  readonly logger: Logger;
}

export interface Transports {
  readonly url: string;
  readonly grpcAddress: string;
  /** No new requests; resolves when those in flight are answered. */
  drain(): Promise<void>;
}

/** Both faces of a serving process, over the same planes. Resolves when they listen. */
export async function openTransports(options: TransportsOptions): Promise<Transports> {
  const { settings, access, certificates, logger, onlineFeatures, modelControl, openInference: inference } = options;
  const { host, port, grpcPort, bodyBytesMax: messageBytesMax, keepAliveMs, timeoutMsMax, drainTimeoutMs } = settings;
  const http = createHttpServer(options);
  const url = await http.listen({ host, port });
  const services = [
    createFeatureStoreService({ onlineFeatures, timeoutMsMax, logger }),
    createInferenceService({ inference, modelControl, timeoutMsMax, logger }),
  ];
  const grpc = await startGrpcServer({
    host,
    port: grpcPort,
    messageBytesMax,
    keepAliveMs,
    receptionMsMax: timeoutMsMax,
    services,
    access,
    certificates,
    logger,
  });
  return {
    url,
    grpcAddress: grpc.address,
    async drain() {
      const giveUp = sleep(drainTimeoutMs, undefined, { ref: false });
      await Promise.all([http.close(), grpc.drain(giveUp)]);
    },
  };
}
