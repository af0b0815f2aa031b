import type { UntypedServiceImplementation } from '@grpc/grpc-js';

/** One service of the server: its contract and what answers it. */
export interface GrpcService {
  /** Full name, such as `millrace.v1.FeatureStore`. */
  readonly name: string;
  /** What defines it. */
  readonly protoFile: URL;
  /** Whole numbers of 64 bits as text, where they may not fit a number. */
  readonly longsAsText?: boolean;
  readonly handlers: UntypedServiceImplementation;
  /** Methods whose streams may wait for a first request: their handlers end those that wait too long. */
  readonly patient?: readonly string[];
  /** The server takes no more calls: streams that would never end are ended. */
  readonly drain?: () => void;
}
