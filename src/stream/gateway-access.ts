import { ingest, operate } from '../infra/access/access-rule.ts';
import type { RouteRules } from '../infra/access/guard-routes.ts';

/** What each route of the gateway asks of its caller; docs/events.md has this table too. */
export const gatewayAccess: RouteRules = {
  'POST /v1/events/:source': ingest,
  'GET /v1/health/live': 'anybody',
  'GET /v1/health/ready': 'anybody',
  'GET /metrics': operate,
};
