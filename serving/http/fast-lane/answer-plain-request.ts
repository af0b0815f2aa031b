import type { AccessControl } from '../../../src/infra/access/access-control.ts';
import { credentialsIn } from '../../../src/infra/access/guard-routes.ts';
import type { Logger } from '../../../src/infra/logger.ts';
import { requestIdOf } from '../../../src/infra/request-id.ts';
import { endRequestSpan, startRequestSpan } from '../../../src/infra/trace-requests.ts';
import type { Tracer } from '../../../src/infra/tracing.ts';
import type { Departure } from '../../batcher/departure.ts';
import type { DataPlane } from '../../data-plane.ts';
import type { OpenInference } from '../../inference/open-inference.ts';
import { traceOf, type RequestTrace } from '../../request-trace.ts';
import { answerInfer, type HttpAnswer } from '../answer-infer.ts';
import { answerPredict } from '../answer-predict.ts';
import { answerError } from '../send-error.ts';
import type { LaneAnswer } from './print-answer.ts';
import type { RequestHead } from './request-head.ts';

export interface PlainRequestOptions {
  readonly dataPlane: DataPlane;
  readonly openInference: OpenInference;
  readonly access: AccessControl;
  readonly timeoutMsMax: number;
  readonly logger: Logger;
  readonly tracer: Tracer | undefined;
  /** As the full server reads bodies of JSON. @returns undefined where it refuses */
  readonly parseJson: (text: string) => { readonly value: unknown } | undefined;
}

interface PlainRequest {
  readonly head: RequestHead;
  readonly body: Buffer;
  readonly departure: Departure;
  readonly arrivedAt: number;
}

const OK = 200;

/** Does with a plain request what the routes of the full server do with it; undefined for one that they are to refuse. Never rejects. */
export async function answerPlainRequest(options: PlainRequestOptions, request: PlainRequest): Promise<LaneAnswer | undefined> {
  const { tracer, access, logger } = options;
  const { head, departure } = request;
  const { route, headers } = head;
  const json = route.kind === 'infer' ? undefined : options.parseJson(request.body.toString());
  if (route.kind === 'predict' && json === undefined) return undefined;
  const id = requestIdOf(headers['x-request-id']);
  const span = tracer === undefined ? undefined : startRequestSpan(tracer, { method: 'POST', route: route.url, id, headers });
  let answer: LaneAnswer;
  try {
    if (!access.isOpen(route.rule)) await access.assertAllowed(route.rule, { transport: 'http', what: route.key, ...credentialsIn(headers) });
    const { headers: answered, bytes } = await answerRoute(options, request, json?.value, traceOf(tracer, span));
    answer = { requestId: id, status: OK, headers: answered, body: bytes };
  } catch (error) {
    const { status, headers: told, body } = answerError(error, { method: 'POST', url: head.target, id, span }, logger);
    answer = { requestId: id, status, headers: { ...told, ...jsonHeaders }, body: Buffer.from(JSON.stringify(body)) };
  }
  endRequestSpan(span, departure.gone ? undefined : answer.status);
  return answer;
}

const jsonHeaders = { 'content-type': 'application/json; charset=utf-8' };

function answerRoute(
  { dataPlane, openInference, timeoutMsMax }: PlainRequestOptions,
  { head, body, departure, arrivedAt }: PlainRequest,
  json: unknown,
  trace: RequestTrace | undefined,
): Promise<HttpAnswer> {
  const { route, model, version, headers } = head;
  if (route.kind === 'infer') return answerInfer(openInference, timeoutMsMax, { model, version, headers, body, arrivedAt, departure, trace });
  return answerPredict(dataPlane, timeoutMsMax, { model, headers, body: json, arrivedAt, departure, trace }).then((answer) => ({
    headers: jsonHeaders,
    bytes: Buffer.from(JSON.stringify(answer)),
  }));
}
