import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { MillraceError } from '../../src/core/millrace-error.ts';
import type { ModelControl } from '../inference/model-control.ts';
import type { OpenInference } from '../inference/open-inference.ts';
import { bodyProblems, parametersOf } from './request-options.ts';

type Body = Buffer | undefined;
interface ModelRequest {
  Params: { readonly model: string };
  Body: Body;
}

export const indexBody = z.object({ ready: z.boolean().optional() });
export const modelBody = z.object({ parameters: parametersOf(z.unknown()) });

/** The protocol's model repository extension over REST; bodies come as bytes, like those of inference. */
export function addRepositoryRoutes(app: FastifyInstance, inference: OpenInference, control: ModelControl): void {
  app.post<{ Body: Body }>('/v2/repository/index', ({ body }) => {
    const { ready = false } = parse(indexBody, body, 'Repository index', '{ "ready": true }');
    return inference.repositoryIndex(ready);
  });
  app.post<ModelRequest>('/v2/repository/models/:model/load', async ({ params, body }, reply) => {
    await control.load(params.model, parameterNames(body, 'Load'));
    return reply.send();
  });
  app.post<ModelRequest>('/v2/repository/models/:model/unload', async ({ params, body }, reply) => {
    await control.unload(params.model, parameterNames(body, 'Unload'));
    return reply.send();
  });
}

const parameterNames = (body: Body, what: string): string[] => Object.keys(parse(modelBody, body, what, '{ "parameters": {} }').parameters ?? {});

function parse<S extends z.ZodObject>(schema: S, body: Body, what: string, example: string): z.output<S> {
  const wrong = (why: string): MillraceError => new MillraceError('REQUEST_INVALID', `${what}: ${why}. Send ${example} or no body.`);
  let found: unknown;
  try {
    found = body === undefined || body.length === 0 ? {} : JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw wrong((error as SyntaxError).message);
  }
  const parsed = schema.safeParse(found);
  if (!parsed.success) throw wrong(bodyProblems(parsed.error));
  return parsed.data;
}
