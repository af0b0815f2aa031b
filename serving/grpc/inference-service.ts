import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { INFERENCE_SERVICE, type WireInferRequest, type WireInferResponse, type WireModelName, type WireRepositoryModel, type WireStreamAnswer } from '../../src/contracts/inference.ts';
import { inferenceProto } from '../../src/infra/load-proto.ts';
import type { Logger } from '../../src/infra/logger.ts';
import type { Departure } from '../batcher/departure.ts';
import type { ModelControl } from '../inference/model-control.ts';
import type { InferRequest } from '../inference/infer-request.ts';
import type { OpenInference } from '../inference/open-inference.ts';
import { callTimeout, departureOf, streamTimeout } from './call-timeout.ts';
import { camelKeys } from './camel-keys.ts';
import type { GrpcService } from './grpc-service.ts';
import { idsOf, toServiceError } from './grpc-status.ts';
import type { TraceOfCall } from './trace-calls.ts';
import { InferStream, type InferCall } from './infer-stream.ts';
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
  const infer = async (wire: WireInferRequest, transportMs: number | undefined, asked: Pick<InferRequest, 'departure' | 'trace'>): Promise<WireInferResponse> => {
    const request = inference.reading(wire.modelName, () => inferRequestOf(wire, transportMs, timeoutMsMax));
    return inferResponseOf(await inference.infer({ ...request, ...asked }), wire.rawInputContents.length > 0);
  };
  const streams = new Set<InferStream>();
  const openStream = (call: InferCall): void => {
    const ids = idsOf(call.metadata, traceOfCall(call));
    const answer = async (request: WireInferRequest, departure: Departure): Promise<WireStreamAnswer> => {
      try {
        return { errorMessage: '', inferResponse: await infer(request, streamTimeout(call.getDeadline(), Date.now(), timeoutMsMax), { departure }) };
      } catch (error) {
        const { details } = toServiceError(error, `${INFERENCE_SERVICE}/ModelStreamInfer`, logger, ids);
        return { errorMessage: details, inferResponse: { id: request.id } };
      }
    };
    streams.add(new InferStream(call, { answer, onEnd: (stream) => streams.delete(stream) }));
  };
  return {
    name: INFERENCE_SERVICE,
    protoFile: inferenceProto,
    longsAsText: true,
    patient: ['ModelStreamInfer'],
    drain: () => streams.forEach((stream) => stream.retire()),
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
      ModelInfer: handler<WireInferRequest>('ModelInfer', (call) =>
        infer(call.request, callTimeout(call.getDeadline(), Date.now(), timeoutMsMax), { departure: departureOf(call), trace: traceOfCall(call) }),
      ),
      ModelStreamInfer: openStream,
      ModelConfig: handler<WireModelName>('ModelConfig', ({ request: { name, version } }) => ({
        config: camelKeys(inference.modelConfiguration(name, versionOf(version))),
      })),
      ModelStatistics: handler<WireModelName>('ModelStatistics', ({ request: { name, version } }) => ({
        modelStats: camelKeys(inference.modelStatistics(name === '' ? undefined : name, versionOf(version))),
      })),
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
