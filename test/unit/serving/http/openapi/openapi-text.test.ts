import type { FastifyInstance } from 'fastify';
import { expect, test } from 'vitest';
import { featureService } from '../../../../../src/define/feature-service.ts';
import { number } from '../../../../../src/define/field.ts';
import { compileService, type ServiceProgram } from '../../../../../src/fold/compile-service.ts';
import { Registry } from '../../../../../src/infra/metrics.ts';
import type { DataPlane } from '../../../../../serving/data-plane.ts';
import type { HistoricalFeatures } from '../../../../../serving/features/historical-features.ts';
import type { OnlineFeatures } from '../../../../../serving/features/online-features.ts';
import { createLogger } from '../../../../../src/infra/logger.ts';
import { createHttpServer } from '../../../../../serving/http/create-http-server.ts';
import { openApiText, type OpenApiDocument } from '../../../../../serving/http/openapi/openapi-text.ts';
import type { OpenInference } from '../../../../../serving/inference/open-inference.ts';
import type { ModelControl } from '../../../../../serving/inference/model-control.ts';
import { openControl } from '../../../../support/access-stage.ts';
import type { ModelRouter } from '../../../../../serving/router/model-router.ts';
import { createServedModel } from '../../../../../serving/served-model.ts';
import { loadServingSettings } from '../../../../../serving/settings.ts';
import { delayModel } from '../../../../support/serving/tiny-project.ts';

const INDENT = 4;

async function setUp() {
  const router = { routes: { champion: null, canary: null, shadow: null } } as unknown as ModelRouter;
  const app = createHttpServer({
    dataPlane: { models: [createServedModel(delayModel, () => router)] } as unknown as DataPlane,
    onlineFeatures: {} as unknown as OnlineFeatures,
    historicalFeatures: {} as unknown as HistoricalFeatures,
    openInference: { serverMetadata: { version: '1.2.3' } } as unknown as OpenInference,
    modelControl: {} as unknown as ModelControl,
    access: openControl(),
    findDecision: () => Promise.resolve(null),
    metrics: new Registry(),
    settings: loadServingSettings({ MILLRACE_SERVING_INSTANCES_MAX: '7' }),
    logger: createLogger('test', 'silent'),
  });
  await app.ready();
  const answer = await app.inject('/openapi.json');
  expect(answer.statusCode).toBe(200);
  return { app, document: answer.json<OpenApiDocument>() };
}

/** `get /v1/models/{model}` of every route: the tree that Fastify prints has a part of the path in each line. */
function routesOf(app: FastifyInstance): string[] {
  const parts: string[] = [];
  return app
    .printRoutes({ commonPrefix: false })
    .split('\n')
    .flatMap((line) => {
      const found = /^([│ ├└─]*)(\S*)(?: \((.+)\))?$/u.exec(line);
      if (found === null || line === '') return [];
      const [, indent = '', part = '', methods = ''] = found;
      parts.splice(indent.length / INDENT - 1, Infinity, part);
      const path = parts.join('').replaceAll(/:(\w+)/g, '{$1}');
      return methods
        .split(', ')
        .filter((method) => method !== '' && method !== 'HEAD')
        .map((method) => `${method.toLowerCase()} ${path}`);
    });
}

interface Described {
  readonly operationId: string;
  readonly parameters: readonly { readonly name?: string; readonly in?: string; readonly required?: boolean }[];
  readonly responses: Readonly<Record<string, unknown>>;
}

const operationsOf = ({ paths }: OpenApiDocument): [string, Described][] =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): [string, Described] => [`${method} ${path}`, operation as unknown as Described]),
  );

/** The values of every `$ref` below. */
const refsIn = (node: unknown): string[] =>
  typeof node !== 'object' || node === null
    ? []
    : Object.entries(node).flatMap(([key, value]) => (key === '$ref' ? [value as string] : refsIn(value)));

const lookUp = (document: unknown, ref: string): unknown =>
  ref
    .slice('#/'.length)
    .split('/')
    .reduce((node, key) => (node as Record<string, unknown> | undefined)?.[key], document);

test('every route is in the document, and nothing else but predictions by model', async () => {
  const { app, document } = await setUp();
  const routes = routesOf(app);
  expect(routes.length).toBeGreaterThan(15);
  const described = operationsOf(document).map(([name]) => name);
  expect(described.filter((name) => name !== 'post /v1/models/delay/predict').sort()).toEqual(routes.sort());
  expect(described).toContain('post /v1/models/delay/predict');
});

test('it is OpenAPI 3.1: every reference resolves, ids are unique, path parameters are declared, answers described', async () => {
  const { document } = await setUp();
  expect(document).toMatchObject({ openapi: '3.1.0', info: { title: 'Millrace serving', version: '1.2.3' } });
  const refs = refsIn(document);
  expect(refs.length).toBeGreaterThan(0);
  for (const ref of refs) expect([ref, lookUp(document, ref)]).toEqual([ref, expect.any(Object)]);
  const operations = operationsOf(document);
  const ids = operations.map(([, { operationId }]) => operationId);
  expect(new Set(ids).size).toBe(operations.length);
  for (const [name, { parameters, responses }] of operations) {
    const declared = parameters.filter((one) => one.in === 'path' && one.required === true);
    expect(declared.map((one) => one.name)).toEqual([...name.matchAll(/\{(\w+)\}/g)].map((match) => match[1]));
    for (const [status, response] of Object.entries(responses)) {
      expect(status).toMatch(/^[1-5]\d\d$/);
      expect(response).toMatchObject({ description: expect.stringMatching(/./) as string, content: expect.any(Object) as object });
    }
    expect(responses).toHaveProperty('200');
  }
});

test("a model's instances have the fields of its request, with their types", async () => {
  const { document } = await setUp();
  const operation = document.paths['/v1/models/delay/predict']!.post as Record<string, unknown>;
  const { content } = operation['requestBody'] as { content: Record<string, { schema: unknown }> };
  const { schema } = content['application/json']!;
  expect(schema).toMatchObject({
    additionalProperties: false,
    oneOf: [{ required: ['instances'] }, { required: ['instance'] }],
    properties: {
      instances: { type: 'array', minItems: 1, maxItems: 7 },
      instance: {
        additionalProperties: false,
        required: expect.arrayContaining(['distance', 'carrier']) as string[],
        properties: {
          origin: { anyOf: [{ type: 'string' }, { type: 'null' }] },
          distance: { type: 'number', maximum: 1e30 },
          carrier: { type: 'string' },
          flightId: { anyOf: [{ type: 'string', minLength: 1, maxLength: 512 }, { type: 'null' }] },
          delayMinutes: {},
        },
      },
    },
  });
});

test('each endpoint names the statuses that its errors have', async () => {
  const { document } = await setUp();
  const statusesOf = (path: string, method: 'get' | 'post') => Object.keys(document.paths[path]![method]!['responses'] as object);
  expect(statusesOf('/v1/models/delay/predict', 'post')).toEqual(['200', '400', '401', '403', '404', '413', '415', '422', '429', '500', '503', '504']);
  expect(statusesOf('/v1/decisions/{id}', 'get')).toEqual(['200', '400', '401', '403', '404', '414', '500', '503']);
  expect(statusesOf('/v2/health/ready', 'get')).toEqual(['200', '400', '500', '503']);
});

test('is made again once a version answers that takes other fields, and only then', () => {
  const routes: { champion: { program: ServiceProgram } | null } = { champion: null };
  const models = [createServedModel(delayModel, () => ({ routes }) as unknown as ModelRouter)];
  const text = openApiText(models, loadServingSettings({}), '1');
  const first = text();
  expect(text()).toBe(first);
  expect(first).not.toContain('"altitude"');
  const { views, name } = delayModel.service;
  routes.champion = { program: compileService(featureService({ name, views, request: { altitude: number() } })) };
  expect(text()).toContain('"altitude"');
});
