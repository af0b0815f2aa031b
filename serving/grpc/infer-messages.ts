import type { WireContents, WireInferRequest, WireInferResponse, WireParameter } from '../../src/contracts/inference.ts';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { shorten } from '../../src/core/shorten.ts';
import { readPriority } from '../batcher/priority.ts';
import { inputProblem } from '../inference/check-tensors.ts';
import { allowedMs, DIMENSIONS_MAX, ID_LENGTH_MAX, TENSORS_MAX, type InferAnswer, type InferRequest } from '../inference/infer-request.ts';
import { decodeJson } from '../inference/json-elements.ts';
import { decodeRaw, encodeRaw } from '../../src/contracts/raw-elements.ts';
import { datatypeNames, elementCount, isDatatype, type Datatype, type Elements, type Tensor } from '../../src/contracts/tensor.ts';

type ContentsField = keyof WireContents;

/** The field of a message that elements of each datatype go by. */
const fieldOf: Readonly<Record<Datatype, ContentsField>> = {
  BOOL: 'boolContents',
  UINT8: 'uintContents',
  UINT16: 'uintContents',
  UINT32: 'uintContents',
  UINT64: 'uint64Contents',
  INT8: 'intContents',
  INT16: 'intContents',
  INT32: 'intContents',
  INT64: 'int64Contents',
  // The protocol has no field for it: it goes as raw bytes.
  FP16: 'fp32Contents',
  FP32: 'fp32Contents',
  FP64: 'fp64Contents',
  BYTES: 'bytesContents',
};

/**
 * @param transportMs time that the call has left
 * @throws REQUEST_INVALID with all problems
 */
export function inferRequestOf(message: WireInferRequest, transportMs: number | undefined, timeoutMsMax: number): InferRequest {
  const problems: string[] = [];
  if (message.id.length > ID_LENGTH_MAX) problems.push(`id: expected at most ${ID_LENGTH_MAX} characters, found ${message.id.length}`);
  if (message.inputs.length < 1 || message.inputs.length > TENSORS_MAX) {
    problems.push(`inputs: expected 1 to ${TENSORS_MAX} tensors, found ${message.inputs.length}`);
  }
  if (message.outputs.length > TENSORS_MAX) problems.push(`outputs: expected at most ${TENSORS_MAX}, found ${message.outputs.length}`);
  const inputs = problems.length === 0 ? readInputs(message, problems) : [];
  const timeoutMs = allowedMs(valueOf(message.parameters['timeout']), transportMs, timeoutMsMax, problems);
  const priority = readPriority('parameters.priority', valueOf(message.parameters['priority']), problems);
  if (problems.length > 0) throw new MillraceError('REQUEST_INVALID', `Inference request is wrong: ${problems.join('; ')}.`);
  return {
    model: message.modelName,
    version: versionOf(message.modelVersion),
    id: message.id === '' ? undefined : message.id,
    inputs,
    outputs: message.outputs.length === 0 ? undefined : message.outputs.map(({ name }) => name),
    timeoutMs,
    priority,
  };
}

/** @param rawAsked whether the request's tensors came as raw bytes: the answer's go the same way */
export function inferResponseOf({ model, version, role, digest, id, outputs }: InferAnswer, rawAsked: boolean): WireInferResponse {
  const raw = rawAsked || outputs.some(({ datatype }) => datatype === 'FP16');
  return {
    modelName: model,
    modelVersion: String(version),
    id: id ?? '',
    parameters: { variant: { stringParam: role }, digest: { stringParam: digest } },
    outputs: outputs.map(({ name, datatype, shape, elements }) => ({
      name,
      datatype,
      shape: shape.map(String),
      ...(raw ? {} : { contents: { [fieldOf[datatype]]: plainOf(datatype, elements) } }),
    })),
    rawOutputContents: raw ? outputs.map(({ elements }) => encodeRaw(elements)) : [],
  };
}

/** Empty is the champion. */
export const versionOf = (text: string): string | undefined => (text === '' ? undefined : text);

function readInputs({ inputs, rawInputContents: raw }: WireInferRequest, problems: string[]): Tensor[] {
  if (raw.length > 0 && raw.length !== inputs.length) {
    problems.push(`raw_input_contents: expected one for each of ${inputs.length} inputs, found ${raw.length}`);
    return [];
  }
  return inputs.flatMap(({ name, datatype, shape: sizes, contents = null }, i): Tensor[] => {
    const shape = sizes.map(Number);
    const wrong = shapeProblem(shape) ?? (isDatatype(datatype) ? undefined : `expected a datatype of ${datatypeNames.join(', ')}, found '${shorten(datatype)}'`);
    if (wrong !== undefined || !isDatatype(datatype)) {
      problems.push(inputProblem(name, String(wrong)));
      return [];
    }
    const bytes = raw[i];
    if (bytes !== undefined && contents !== null) problems.push(inputProblem(name, 'expected contents or raw_input_contents, found both'));
    const elements = bytes === undefined ? decodeContents(datatype, shape, contents) : decodeRaw(datatype, elementCount(shape), bytes);
    if (typeof elements !== 'string') return [{ name, datatype, shape, elements }];
    problems.push(inputProblem(name, elements));
    return [];
  });
}

function shapeProblem(shape: readonly number[]): string | undefined {
  const fits = shape.length >= 1 && shape.length <= DIMENSIONS_MAX && shape.every((size) => size >= 0 && Number.isSafeInteger(size));
  const found = shape.length > DIMENSIONS_MAX ? shape.length : `[${shape.join(', ')}]`;
  return fits ? undefined : `expected a shape of 1 to ${DIMENSIONS_MAX} sizes from 0, found ${found}`;
}

function decodeContents(datatype: Datatype, shape: readonly number[], contents: WireContents | null): Elements | string {
  if (datatype === 'FP16') return decodeJson(datatype, shape, null);
  const found = contents?.[fieldOf[datatype]] ?? [];
  const count = elementCount(shape);
  if (found.length !== count) return `expected ${count} elements in ${fieldOf[datatype]}, found ${found.length}`;
  if (datatype === 'BYTES') return found as readonly Uint8Array[];
  if (datatype === 'INT64') return BigInt64Array.from(found as readonly string[], BigInt);
  if (datatype === 'UINT64') return BigUint64Array.from(found as readonly string[], BigInt);
  return decodeJson(datatype, [count], found);
}

function plainOf(datatype: Datatype, elements: Elements): readonly unknown[] {
  if (!ArrayBuffer.isView(elements)) return elements;
  const values: readonly unknown[] = Array.from<number | bigint>(elements as Float32Array);
  if (datatype === 'BOOL') return values.map((value) => value === 1);
  return datatype === 'INT64' || datatype === 'UINT64' ? values.map(String) : values;
}

function valueOf(parameter: WireParameter | undefined): boolean | number | string | undefined {
  const choice = parameter?.parameterChoice;
  if (parameter === undefined || choice === undefined) return undefined;
  const value = parameter[choice];
  return choice === 'int64Param' || choice === 'uint64Param' ? Number(value) : value;
}
