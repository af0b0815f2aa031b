import type { IncomingHttpHeaders } from 'node:http';
import { z } from 'zod';
import { MillraceError } from '../../src/core/millrace-error.ts';
import { shorten } from '../../src/core/shorten.ts';
import { readPriority } from '../batcher/priority.ts';
import { inputProblem } from '../inference/check-tensors.ts';
import { allowedMs, DIMENSIONS_MAX, ID_LENGTH_MAX, TENSORS_MAX, type InferAnswer, type InferRequest } from '../inference/infer-request.ts';
import { decodeJson, encodeJson } from '../inference/json-elements.ts';
import { decodeRaw, encodeRaw } from '../../src/contracts/raw-elements.ts';
import { datatypeNames, elementCount, isDatatype, type Tensor } from '../../src/contracts/tensor.ts';
import { bodyProblems, parametersOf, readRunHeaders } from './request-options.ts';

const parameters = parametersOf(z.union([z.string(), z.number(), z.boolean()], { error: 'expected a text, a number, true or false' }));
const output = z.object({ name: z.string(), parameters });
export const inferBody = z.object({
  id: z.string().max(ID_LENGTH_MAX).optional(),
  parameters,
  inputs: z
    .array(
      z.object({
        name: z.string(),
        shape: z.array(z.number().int().min(0)).min(1).max(DIMENSIONS_MAX),
        datatype: z.string(),
        parameters,
        data: z.unknown().optional(),
      }),
    )
    .min(1)
    .max(TENSORS_MAX),
  outputs: z.array(output).min(1).max(TENSORS_MAX).optional(),
});
type Body = z.output<typeof inferBody>;

/** Bytes of the JSON, where binary tensors follow it. */
export const JSON_LENGTH_HEADER = 'inference-header-content-length';

export interface ParsedInfer {
  readonly request: InferRequest;
  /** Whether an output is wanted as binary behind the JSON. */
  readonly isBinary: (output: string) => boolean;
}

/** How an answer goes out: with `jsonLength`, binary tensors follow the JSON. */
export interface PrintedInfer {
  readonly bytes: Buffer;
  readonly jsonLength: number | undefined;
}

const NO_BYTES = Buffer.alloc(0);
const neverBinary = (): boolean => false;

/**
 * Reads an inference request of the Open Inference Protocol, with the binary tensor extension.
 * @throws REQUEST_INVALID with all problems
 */
export function parseInfer(
  bytes: Buffer,
  headers: IncomingHttpHeaders,
  { model, version, arrivedAt, departure, trace }: Pick<InferRequest, 'model' | 'version' | 'arrivedAt' | 'departure' | 'trace'>,
  timeoutMsMax: number,
): ParsedInfer {
  const problems: string[] = [];
  const [json, binary] = splitBody(bytes, headers[JSON_LENGTH_HEADER], problems);
  const found = problems.length === 0 ? readJson(json, problems) : undefined;
  const inputs = found === undefined ? [] : readInputs(found, binary, problems);
  const run = readRunHeaders(headers, timeoutMsMax, problems);
  const timeoutMs = allowedMs(found?.parameters?.['timeout'], run.timeoutMs, timeoutMsMax, problems);
  const priority = readPriority('parameters.priority', found?.parameters?.['priority'], problems) ?? run.priority;
  for (const [i, one] of (found?.outputs ?? []).entries()) {
    if (Number(one.parameters?.['classification'] ?? 0) > 0) problems.push(`outputs.${i}: classification is not answered, take the tensor`);
  }
  if (found === undefined || problems.length > 0) {
    throw new MillraceError(
      'REQUEST_INVALID',
      `Inference request is wrong: ${problems.join('; ')}. Send { "inputs": [ { "name": "<input>", "shape": [1, 2], "datatype": "FP32", "data": [0.5, 1] } ] }.`,
    );
  }
  const request: InferRequest = { model, version, id: found.id, inputs, outputs: found.outputs?.map(({ name }) => name), timeoutMs, priority, arrivedAt, departure, trace };
  if (found.parameters === undefined && found.outputs === undefined) return { request, isBinary: neverBinary };
  const byDefault = found.parameters?.['binary_data_output'] === true;
  const choices = new Map((found.outputs ?? []).map((one) => [one.name, one.parameters?.['binary_data']]));
  return { request, isBinary: (name) => (choices.get(name) ?? byDefault) === true };
}

/** The answer as JSON, and behind it the outputs that are wanted as binary. */
export function printInfer(answer: InferAnswer, isBinary: (output: string) => boolean): PrintedInfer {
  const raw: Uint8Array[] = [];
  const { model, version, role, digest, id } = answer;
  // Put together as text: to make objects only to print them took twice as long.
  let text = `{"model_name":${JSON.stringify(model)},"model_version":"${version}"`;
  if (id !== undefined) text += `,"id":${JSON.stringify(id)}`;
  text += `,"parameters":{"variant":${JSON.stringify(role)},"digest":${JSON.stringify(digest)}},"outputs":[`;
  let before = '';
  for (const { name, datatype, shape, elements } of answer.outputs) {
    text += `${before}{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${shape.join(',')}],`;
    before = ',';
    // JSON has no form for it.
    if (!isBinary(name) && datatype !== 'FP16') {
      text += `"data":${encodeJson(datatype, elements)}}`;
      continue;
    }
    const encoded = encodeRaw(elements);
    raw.push(encoded);
    text += `"parameters":{"binary_data_size":${encoded.length}}}`;
  }
  const json = Buffer.from(`${text}]}`);
  return raw.length === 0 ? { bytes: json, jsonLength: undefined } : { bytes: Buffer.concat([json, ...raw]), jsonLength: json.length };
}

function splitBody(bytes: Buffer, header: string | string[] | undefined, problems: string[]): [Buffer, Buffer] {
  if (header === undefined) return [bytes, NO_BYTES];
  const length = Number(header);
  if (Number.isInteger(length) && length >= 0 && length <= bytes.length) return [bytes.subarray(0, length), bytes.subarray(length)];
  problems.push(`header Inference-Header-Content-Length: expected the JSON's bytes, 0 to ${bytes.length}, found '${String(header)}'`);
  return [bytes, NO_BYTES];
}

function readJson(json: Buffer, problems: string[]): Body | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json.toString('utf8'));
  } catch (error) {
    problems.push(`body: ${(error as SyntaxError).message}`);
    return undefined;
  }
  const parsed = inferBody.safeParse(value);
  if (parsed.success) return parsed.data;
  problems.push(bodyProblems(parsed.error));
  return undefined;
}

function readInputs({ inputs }: Body, binary: Buffer, problems: string[]): Tensor[] {
  const tensors: Tensor[] = [];
  let at = 0;
  for (const input of inputs) {
    const { name, shape, datatype, data, parameters: options } = input;
    const size = options?.['binary_data_size'];
    const start = at;
    if (size !== undefined) at += Math.max(0, Number(size) || 0);
    if (!isDatatype(datatype)) {
      problems.push(inputProblem(name, `expected a datatype of ${datatypeNames.join(', ')}, found '${shorten(datatype)}'`));
      continue;
    }
    if (at > binary.length) {
      problems.push(inputProblem(name, `binary_data_size ${shorten(String(size))} reaches beyond the ${binary.length} bytes after the JSON`));
      continue;
    }
    if (size !== undefined && data !== undefined) problems.push(inputProblem(name, 'expected data or binary_data_size, found both'));
    const count = elementCount(shape);
    const elements = size === undefined ? decodeJson(datatype, shape, data) : decodeRaw(datatype, count, binary.subarray(start, at));
    if (typeof elements === 'string') problems.push(inputProblem(name, elements));
    else tensors.push({ name, datatype, shape, elements });
  }
  if (problems.length === 0 && at < binary.length) problems.push(`body: ${binary.length - at} bytes follow that no input's binary_data_size counts`);
  return tensors;
}
