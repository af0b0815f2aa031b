import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { INFERENCE_SERVICE, type WireInferRequest, type WireModelName, type WireRepositoryModel } from '../../src/contracts/inference.ts';
import { inferenceProto } from '../../src/infra/load-proto.ts';
import type { Logger } from '../../src/infra/logger.ts';
import type { ModelControl } from '../inference/model-control.ts';
import type { OpenInference } from '../inference/open-inference.ts';
import { callTimeout, departureOf } from './call-timeout.ts';
import type { GrpcService } from './grpc-service.ts';
import { idsOf, toServiceError } from './grpc-status.ts';
import type { TraceOfCall } from './trace-calls.ts';
import { inferRequestOf, inferResponseOf, versionOf } from './infer-messages.ts';

export interface InferenceServiceOptions {
  readonly inference: OpenInference;
  readonly modelControl: ModelControl;
  readonly timeoutMsMax: number;
  readonly traceOfCall: TraceOfCall;
  readonly logger: Logger;
}

/** `inference.GRPCInferenceService`: the Open Inference Protocol v2 by the same functions as over REST. */
export function createInferenceService({ inference, modelControl, timeoutMsMax, traceOfCall, logger }: InferenceServiceOptions): GrpcService {
  const handler =
    <Request>(method: string, answer: (call: ServerUnaryCall<Request, unknown>) => unknown) =>
    (call: ServerUnaryCall<Request, unknown>, respond: sendUnaryData<unknown>): void => {
      Promise.resolve()
        .then(() => answer(call))
        .then(
          (response) => respond(null, response),
          (error: unknown) => respond(toServiceError(error, `${INFERENCE_SERVICE}/${method}`, logger, idsOf(call.metadata, traceOfCall(call)))),
        );
    };
  const infer = async (call: ServerUnaryCall<WireInferRequest, unknown>): Promise<unknown> => {
    const transportMs = callTimeout(call.getDeadline(), Date.now(), timeoutMsMax);
    const request = inference.reading(call.request.modelName, () => inferRequestOf(call.request, transportMs, timeoutMsMax));
    return inferResponseOf(await inference.infer({ ...request, departure: departureOf(call), trace: traceOfCall(call) }), call.request.rawInputContents.length > 0);
  };
  return {
    name: INFERENCE_SERVICE,
    protoFile: inferenceProto,
    longsAsText: true,
    handlers: {
      ServerLive: handler('ServerLive', () => ({ live: true })),
      ServerReady: handler('ServerReady', () => ({ ready: inference.ready })),
      ModelReady: handler<WireModelName>('ModelReady', ({ request: { name, version } }) => ({
        ready: inference.modelReady(name, versionOf(version)),
      })),
      ServerMetadata: handler('ServerMetadata', () => inference.serverMetadata),
      ModelMetadata: handler<WireModelName>('ModelMetadata', ({ request: { name, version } }) =>
        inference.modelMetadata(name, versionOf(version)),
      ),
      ModelInfer: handler('ModelInfer', infer),
      RepositoryIndex: handler<{ ready: boolean }>('RepositoryIndex', ({ request: { ready } }) => ({
        models: inference.repositoryIndex(ready),
      })),
      RepositoryModelLoad: handler<WireRepositoryModel>('RepositoryModelLoad', async ({ request: { modelName, parameters } }) => {
        await modelControl.load(modelName, Object.keys(parameters));
        return {};
      }),
      RepositoryModelUnload: handler<WireRepositoryModel>('RepositoryModelUnload', async ({ request: { modelName, parameters } }) => {
        await modelControl.unload(modelName, Object.keys(parameters));
        return {};
      }),
    },
  };
}
