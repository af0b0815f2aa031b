import type { IncomingHttpHeaders } from 'node:http';
import type { InferRequest } from '../inference/infer-request.ts';
import type { OpenInference } from '../inference/open-inference.ts';
import { pack, PACKED_BYTES_MIN } from './content-coding.ts';
import { JSON_LENGTH_HEADER, parseInfer, printInfer } from './infer-json.ts';

/** An inference request as HTTP brings it. */
export interface InferCall extends Pick<InferRequest, 'model' | 'version' | 'arrivedAt' | 'departure' | 'trace'> {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Names of fields are in lower case. */
export interface HttpAnswer {
  readonly headers: Readonly<Record<string, string | number>>;
  readonly bytes: Buffer;
}

/** Answers a request of the Open Inference Protocol. @throws what {@link OpenInference.infer} throws, REQUEST_INVALID */
export async function answerInfer(inference: OpenInference, timeoutMsMax: number, call: InferCall): Promise<HttpAnswer> {
  const { model, headers, body } = call;
  const { request, isBinary } = inference.reading(model, () => parseInfer(body, headers, call, timeoutMsMax));
  const { bytes, jsonLength } = printInfer(await inference.infer(request), isBinary);
  const head = jsonLength === undefined ? { 'content-type': 'application/json' } : { [JSON_LENGTH_HEADER]: jsonLength, 'content-type': 'application/octet-stream' };
  const packed = bytes.length < PACKED_BYTES_MIN ? undefined : await pack(bytes, headers['accept-encoding']);
  return packed === undefined ? { headers: head, bytes } : { headers: { ...head, 'content-encoding': packed.coding }, bytes: packed.bytes };
}
