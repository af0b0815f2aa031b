import { Server, type ServerInterceptor } from '@grpc/grpc-js';
import type { AccessControl } from '../../src/infra/access/access-control.ts';
import type { Certificates } from '../../src/infra/access/certificates.ts';
import { loadProto, serviceOf } from '../../src/infra/load-proto.ts';
import type { Logger } from '../../src/infra/logger.ts';
import type { GrpcService } from './grpc-service.ts';
import { guardCalls, ruleOf } from './guard-calls.ts';
import { limitReception } from './limit-reception.ts';
import { HealthService } from './health-service.ts';
import { createReflectionService } from './reflection-service.ts';
import { decodingAll, refuseUndecodable } from './refuse-undecodable.ts';
import { serverCredentials } from './tls-credentials.ts';

/** Calls of one connection that may be under way. */
const STREAMS_MAX = 1_000;
/** A connection without a sign of life for both together is given up. */
const KEEPALIVE_MS = 30_000;
const KEEPALIVE_TIMEOUT_MS = 10_000;

export interface GrpcServerOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Longest message that is taken. An answer's length is bounded by the limits of its request. */
  readonly messageBytesMax: number;
  readonly keepAliveMs: number;
  /** A call's message comes within it, or the call ends. */
  readonly receptionMsMax: number;
  readonly services: readonly GrpcService[];
  readonly access: AccessControl;
  /** Absent for plain text. */
  readonly certificates?: Certificates | undefined;
  /** Before access control: what it refuses is seen by them too. */
  readonly interceptors?: readonly ServerInterceptor[];
  readonly logger: Logger;
}

export interface GrpcServer {
  /** `host:port`. */
  readonly address: string;
  /** Unhealthy from here on. */
  retire(): void;
  /** The same, and no new calls; resolves when those in flight are answered, cut off once `giveUp` resolves. */
  drain(giveUp: Promise<unknown>): Promise<void>;
}

/** The gRPC face of a serving process: the services given, health and reflection. */
export async function startGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  const { host, services } = options;
  const patient = new Set(services.flatMap((service) => (service.patient ?? []).map((method) => `/${service.name}/${method}`)));
  const server = new Server({
    'grpc.max_receive_message_length': options.messageBytesMax,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': STREAMS_MAX,
    'grpc.keepalive_time_ms': KEEPALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
    'grpc.max_connection_idle_ms': options.keepAliveMs,
    interceptors: [limitReception(options.receptionMsMax, patient), ...(options.interceptors ?? []), guardCalls(options.access, options.logger), refuseUndecodable],
  });
  const health = new HealthService(services.map(({ name }) => name));
  const all: readonly GrpcService[] = [...services, health];
  for (const { name, protoFile, longsAsText = false, handlers } of [...all, createReflectionService(all)]) {
    const definition = serviceOf(loadProto(protoFile, longsAsText ? { longs: String } : {}), name);
    for (const { path } of Object.values(definition)) ruleOf(path);
    server.addService(decodingAll(definition), handlers);
  }
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:${options.port}`, serverCredentials(options.certificates), (error, bound) => {
      if (error !== null) reject(error);
      else resolve(bound);
    });
  });
  return {
    address: `${host}:${port}`,
    retire: () => health.retire(),
    async drain(giveUp) {
      health.retire();
      for (const service of services) service.drain?.();
      const drained = new Promise<void>((resolve) => {
        server.tryShutdown(() => resolve());
      });
      await Promise.race([drained, giveUp]);
      server.forceShutdown();
    },
  };
}
