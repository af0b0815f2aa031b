import { operate, operateGuarded, predict } from '../../src/infra/access/access-rule.ts';
import type { RouteRules } from '../../src/infra/access/guard-routes.ts';

/** What each route asks of its caller; docs/serving.md has this table too. */
export const routeAccess: RouteRules = {
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
  'GET /v2/models/:model/config': predict,
  'GET /v2/models/:model/versions/:version/config': predict,
  'GET /v2/models/:model/stats': predict,
  'GET /v2/models/:model/versions/:version/stats': predict,
  'GET /v2/models/stats': predict,
  'GET /v2/models/:model/ready': 'anybody',
  'GET /v2/models/:model/versions/:version/ready': 'anybody',
  'POST /v2/models/:model/infer': predict,
  'POST /v2/models/:model/versions/:version/infer': predict,
  'POST /v2/repository/index': predict,
  'POST /v2/repository/models/:model/load': operateGuarded,
  'POST /v2/repository/models/:model/unload': operateGuarded,
};
