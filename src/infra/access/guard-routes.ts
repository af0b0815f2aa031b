import type { IncomingHttpHeaders } from 'node:http';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { assertInvariant } from '../../core/assert-invariant.ts';
import type { AccessControl } from './access-control.ts';
import type { AccessRule } from './access-rule.ts';

/** What each route of a process asks of its caller, by method and path as the router has it. */
export type RouteRules = Readonly<Record<string, AccessRule>>;

/** Lets no request through to a route that its caller has no role for. Called before the routes are added: one without a rule can't be. */
export function guardRoutes(app: FastifyInstance, rules: RouteRules, access: AccessControl, metricsAreOpen: boolean): void {
  app.addHook('onRoute', (route) => {
    // The framework adds HEAD to every GET.
    const key = `${route.method === 'HEAD' ? 'GET' : String(route.method)} ${route.url}`;
    const rule = key === 'GET /metrics' && metricsAreOpen ? 'anybody' : rules[key];
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
