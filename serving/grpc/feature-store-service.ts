import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { FEATURE_STORE_SERVICE, type WireOnlineRequest, type WireOnlineResponse } from '../../src/contracts/feature-store.ts';
import { featureStoreProto } from '../../src/infra/load-proto.ts';
import type { Logger } from '../../src/infra/logger.ts';
import type { OnlineFeatures } from '../features/online-features.ts';
import { callTimeout } from './call-timeout.ts';
import type { GrpcService } from './grpc-service.ts';
import { idsOf, toServiceError } from './grpc-status.ts';
import type { TraceOfCall } from './trace-calls.ts';
import { requestOf, responseOf } from './online-messages.ts';

export interface FeatureStoreOptions {
  readonly onlineFeatures: OnlineFeatures;
  readonly timeoutMsMax: number;
  readonly traceOfCall: TraceOfCall;
  readonly logger: Logger;
}

/** `millrace.v1.FeatureStore`: the reads of POST /v1/features/online, by the same function. */
export function createFeatureStoreService({ onlineFeatures, timeoutMsMax, traceOfCall, logger }: FeatureStoreOptions): GrpcService {
  const answer = async (call: ServerUnaryCall<WireOnlineRequest, WireOnlineResponse>): Promise<WireOnlineResponse> => {
    const request = requestOf(call.request, callTimeout(call.getDeadline(), Date.now(), timeoutMsMax));
    return responseOf(await onlineFeatures.read({ ...request, trace: traceOfCall(call) }), onlineFeatures.textCount(request.selection));
  };
  return {
    name: FEATURE_STORE_SERVICE,
    protoFile: featureStoreProto,
    handlers: {
      GetOnlineFeatures(
        call: ServerUnaryCall<WireOnlineRequest, WireOnlineResponse>,
        respond: sendUnaryData<WireOnlineResponse>,
      ): void {
        answer(call).then(
          (response) => respond(null, response),
          (error: unknown) => respond(toServiceError(error, `${FEATURE_STORE_SERVICE}/GetOnlineFeatures`, logger, idsOf(call.metadata, traceOfCall(call)))),
        );
      },
    },
  };
}
