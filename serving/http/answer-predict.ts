import type { IncomingHttpHeaders } from 'node:http';
import type { Departure } from '../batcher/departure.ts';
import type { DataPlane } from '../data-plane.ts';
import type { Prediction, PredictOptions } from '../prediction.ts';
import type { RequestTrace } from '../request-trace.ts';
import { parsePredictRequest, predictOutputs, type PredictOutput } from './parse-predict-request.ts';

/** A request for predictions by entity keys as HTTP brings it, its body read as JSON. */
export interface PredictCall {
  readonly model: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
  readonly arrivedAt?: PredictOptions['arrivedAt'];
  readonly departure: Departure;
  readonly trace: RequestTrace | undefined;
}

/** The answer, to be printed as JSON. @throws what {@link DataPlane.predict} throws, REQUEST_INVALID */
export async function answerPredict(dataPlane: DataPlane, timeoutMsMax: number, { model, headers, body, arrivedAt, departure, trace }: PredictCall) {
  const { instances, outputs, asOf, include, timeoutMs, priority } = dataPlane.reading(model, () => parsePredictRequest(body, headers, timeoutMsMax));
  return answerOf(model, await dataPlane.predict(model, instances, { asOf, include, timeoutMs, priority, arrivedAt, departure, trace }), outputs);
}

/** Version, variant and digest stand at the top where all predictions share them, and with each prediction always. */
function answerOf(model: string, predictions: readonly Prediction[], outputs: readonly PredictOutput[]) {
  const [first] = predictions;
  const shared = first !== undefined && predictions.every(({ version }) => version === first.version);
  const { version = null, digest = null } = shared ? first : {};
  // Two arms may have the same version.
  const variant = shared && predictions.every((one) => one.variant === first.variant) ? first.variant : null;
  return { model, version, variant, digest, predictions: outputs.length === predictOutputs.length ? predictions : predictions.map((prediction) => withOutputs(prediction, outputs)) };
}

function withOutputs(prediction: Prediction, outputs: readonly PredictOutput[]): Partial<Prediction> {
  const isLeftOut = (name: string): boolean => predictOutputs.some((output) => output === name && !outputs.includes(output));
  return Object.fromEntries(Object.entries(prediction).filter(([name]) => !isLeftOut(name)));
}
