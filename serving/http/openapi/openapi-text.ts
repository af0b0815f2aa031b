import { z } from 'zod';
import { errorTable, type ErrorCode } from '../../../src/core/error-table.ts';
import type { ServiceProgram } from '../../../src/fold/compile-service.ts';
import { priorities } from '../../batcher/priority.ts';
import type { ServedModel } from '../../served-model.ts';
import type { ServingSettings } from '../../settings.ts';
import { answeringProgram } from '../describe-model.ts';
import { routeAccess } from '../route-access.ts';
import { inferenceOperations } from './inference-operations.ts';
import { predictOf } from './model-predict.ts';
import { nativeOperations } from './native-operations.ts';
import { JSON_TYPE, type Operation } from './operation.ts';

type Json = Readonly<Record<string, unknown>>;

export interface OpenApiDocument {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Partial<Record<Operation['method'], Json>>>>>;
  readonly components: Json;
}

const URI_TOO_LONG = 414;
const UNSUPPORTED_TYPE = 415;
const INTERNAL = { status: 500, code: 'INTERNAL' };
const requestId = { name: 'X-Request-Id', in: 'header', description: 'Taken over and answered.', schema: { type: 'string', pattern: '^[\\w.:/-]{1,128}$' } };

/**
 * An OpenAPI 3.1 document of every endpoint, from the schemas that validate; predictions once for any model, and once for
 * each model with its fields as they are now.
 * @param version of Millrace
 */
function createOpenApi(models: readonly ServedModel[], settings: ServingSettings, version: string): OpenApiDocument {
  const operations = [...nativeOperations, ...models.map((model) => predictOf(model, settings.instancesMax)), ...inferenceOperations];
  const paths: Record<string, Partial<Record<Operation['method'], Json>>> = {};
  for (const operation of operations) (paths[operation.path] ??= {})[operation.method] = describe(operation, models);
  return {
    openapi: '3.1.0',
    info: { title: 'Millrace serving', version },
    paths,
    components: {
      schemas: { Error: errorSchema },
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' }, apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key' } },
      parameters: {
        RequestId: requestId,
        RequestTimeout: {
          name: 'X-Request-Timeout',
          in: 'header',
          description: 'Time allowed, in milliseconds.',
          schema: { type: 'number', exclusiveMinimum: 0, maximum: settings.timeoutMsMax },
        },
        RequestPriority: {
          name: 'X-Request-Priority',
          in: 'header',
          description: 'Level among the requests that wait for the model; normal, where absent.',
          schema: { enum: priorities },
        },
      },
      headers: { RequestId: { description: 'Of the request, or one made for it.', schema: requestId.schema } },
    },
  };
}

/** Gives `createOpenApi` as JSON; made again only once a model's request has changed, since it holds up the event loop for some ms. */
export function openApiText(models: readonly ServedModel[], settings: ServingSettings, version: string): () => string {
  let made: { readonly programs: readonly ServiceProgram[]; readonly text: string } | undefined;
  return () => {
    const programs = models.map(answeringProgram);
    const known = made;
    if (known !== undefined && programs.every((program, i) => program === known.programs[i])) return known.text;
    made = { programs, text: JSON.stringify(createOpenApi(models, settings, version)) };
    return made.text;
  };
}

const errorSchema = {
  type: 'object',
  required: ['error', 'code'],
  properties: { error: { type: 'string' }, code: { enum: [...Object.keys(errorTable), INTERNAL.code] } },
};

function describe(operation: Operation, models: readonly ServedModel[]): Json {
  const { method, path, summary, body, timed = false, prioritized = false } = operation;
  const known = models.length === 0 ? {} : { enum: models.map((model) => model.name) };
  const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
  return {
    operationId: `${method}${path.replaceAll(/\W+/g, '_')}`.replace(/_$/, ''),
    summary,
    parameters: [
      ...names.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string', ...(name === 'model' ? known : {}) } })),
      { $ref: '#/components/parameters/RequestId' },
      ...(timed ? [{ $ref: '#/components/parameters/RequestTimeout' }] : []),
      ...(prioritized ? [{ $ref: '#/components/parameters/RequestPriority' }] : []),
    ],
    // The empty one: a process without access control takes all that is not for operators.
    ...(isOpen(operation) ? {} : { security: [{ bearer: [] }, { apiKey: [] }, {}] }),
    ...(body === undefined ? {} : { requestBody: { required: body.required, content: contentOf(body.mediaTypes, bodySchema(body)) } }),
    responses: responsesOf(operation),
  };
}

/** That exactly one of some fields is given, no schema of zod can say: the parser checks it. */
const bodySchema = ({ schema, oneOf }: NonNullable<Operation['body']>): Json => ({
  ...schemaOf(schema),
  ...(oneOf === undefined ? {} : { oneOf: oneOf.map((name) => ({ required: [name] })) }),
});

const accessErrors = ['ACCESS_UNAUTHENTICATED', 'ACCESS_DENIED', 'ACCESS_ISSUER_UNAVAILABLE'] as const;

/** Whether anybody may call it; predictions of one model are guarded as those of any. */
function isOpen({ method, path }: Operation): boolean {
  const key = `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`;
  return routeAccess[key] === 'anybody';
}

function responsesOf(operation: Operation): Json {
  const { answer, answerTypes = [JSON_TYPE], answerWhen503 = false, body, errors, path } = operation;
  const codes = new Map<number, Set<string>>([[INTERNAL.status, new Set([INTERNAL.code])]]);
  const add = (status: number, code: string): void => {
    codes.set(status, (codes.get(status) ?? new Set()).add(code));
  };
  const common: ErrorCode[] = ['REQUEST_INVALID', ...(isOpen(operation) ? [] : accessErrors), ...(body === undefined ? [] : (['REQUEST_TOO_LARGE'] as const))];
  for (const code of [...common, ...errors]) add(errorTable[code].httpStatus, code);
  if (body?.mediaTypes.length === 1 && body.required) add(UNSUPPORTED_TYPE, 'REQUEST_INVALID');
  const answered = contentOf(answerTypes, schemaOf(answer));
  // A path whose parameter is too long is none, or is said to be too long: by what of it the router meets first.
  if (path.includes('{')) for (const status of [errorTable.MODEL_NOT_FOUND.httpStatus, URI_TOO_LONG]) add(status, 'REQUEST_INVALID');
  const failed = contentOf([JSON_TYPE], { $ref: '#/components/schemas/Error' });
  const headers = { 'X-Request-Id': { $ref: '#/components/headers/RequestId' } };
  return Object.fromEntries([
    ['200', { description: 'The answer.', headers, content: answered }],
    ...(answerWhen503 ? [['503', { description: 'Not ready.', headers, content: answered }]] : []),
    ...[...codes].filter(([status]) => !answerWhen503 || status !== 503).map(([status, found]) => [String(status), { description: [...found].join(', '), headers, content: failed }]),
  ]) as Json;
}

/** The bytes of a media type that is not JSON are described by its name alone. */
const contentOf = (mediaTypes: readonly string[], schema: Json): Json =>
  Object.fromEntries(mediaTypes.map((type) => [type, type === 'application/octet-stream' ? {} : { schema }]));

function schemaOf(schema: z.ZodType): Json {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input' });
  return rest;
}
