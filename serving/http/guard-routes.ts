import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { assertInvariant } from '../../src/core/assert-invariant.ts';
import type { AccessControl } from '../access/access-control.ts';
import { operate, operateGuarded, predict, type AccessRule } from '../access/access-rule.ts';

/** What each route asks of its caller; docs/serving.md has this table too. */
export const routeAccess: Readonly<Record<string, AccessRule>> = {
  'POST /v1/models/:model/predict': predict,
  'POST /v1/models/:model/predict/bulk': predict,
  'POST /v1/features/online': predict,
  'POST /v1/features/historical': predict,
  'GET /v1/models': predict,
  'GET /v1/models/:model': predict,
  'GET /v1/decisions/:id': predict,
  'GET /v1/health/live': 'anybody',
  'GET /v1/health/ready': 'anybody',
  'GET /metrics': operate,
  'GET /openapi.json': predict,
  'GET /v2': predict,
  'GET /v2/health/live': 'anybody',
  'GET /v2/health/ready': 'anybody',
  'GET /v2/models/:model': predict,
  'GET /v2/models/:model/versions/:version': predict,
  'GET /v2/models/:model/ready': 'anybody',
  'GET /v2/models/:model/versions/:version/ready': 'anybody',
  'POST /v2/models/:model/infer': predict,
  'POST /v2/models/:model/versions/:version/infer': predict,
  'POST /v2/repository/index': predict,
  'POST /v2/repository/models/:model/load': operateGuarded,
  'POST /v2/repository/models/:model/unload': operateGuarded,
};

/** Lets no request through to a route that its caller has no role for. Called before the routes are added: one without a rule can't be. */
export function guardRoutes(app: FastifyInstance, access: AccessControl, metricsAreOpen: boolean): void {
  app.addHook('onRoute', (route) => {
    // The framework adds HEAD to every GET.
    const key = `${route.method === 'HEAD' ? 'GET' : String(route.method)} ${route.url}`;
    const rule = key === 'GET /metrics' && metricsAreOpen ? 'anybody' : routeAccess[key];
    assertInvariant(rule !== undefined, `route '${key}' has a rule of access`);
    if (access.isOpen(rule)) return;
    const { onRequest = [] } = route;
    const before = Array.isArray(onRequest) ? onRequest : [onRequest];
    route.onRequest = [...before, ({ headers }: FastifyRequest) => access.assertAllowed(rule, { transport: 'http', what: key, ...credentialsIn(headers) })];
  });
}

/** What a caller shows of who it is. */
export const credentialsIn = ({ authorization, 'x-api-key': apiKey }: IncomingHttpHeaders) => ({
  authorization,
  apiKey: typeof apiKey === 'string' ? apiKey : undefined,
});
