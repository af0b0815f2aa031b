import { ServerInterceptingCall, type Metadata, type ServerInterceptor } from '@grpc/grpc-js';
import { FEATURE_STORE_SERVICE } from '../../src/contracts/feature-store.ts';
import { INFERENCE_SERVICE } from '../../src/contracts/inference.ts';
import { assertInvariant } from '../../src/core/assert-invariant.ts';
import type { AccessControl } from '../../src/infra/access/access-control.ts';
import { operateGuarded, predict, type AccessRule } from '../../src/infra/access/access-rule.ts';
import type { Logger } from '../../src/infra/logger.ts';
import { toServiceError } from './grpc-status.ts';

/** What each method asks of its caller; docs/serving.md has this table too. */
export const methodAccess: Readonly<Record<string, AccessRule>> = {
  [`/${FEATURE_STORE_SERVICE}/GetOnlineFeatures`]: predict,
  [`/${INFERENCE_SERVICE}/ServerLive`]: 'anybody',
  [`/${INFERENCE_SERVICE}/ServerReady`]: 'anybody',
  [`/${INFERENCE_SERVICE}/ModelReady`]: 'anybody',
  [`/${INFERENCE_SERVICE}/ServerMetadata`]: predict,
  [`/${INFERENCE_SERVICE}/ModelMetadata`]: predict,
  [`/${INFERENCE_SERVICE}/ModelInfer`]: predict,
  [`/${INFERENCE_SERVICE}/ModelStreamInfer`]: predict,
  [`/${INFERENCE_SERVICE}/ModelConfig`]: predict,
  [`/${INFERENCE_SERVICE}/ModelStatistics`]: predict,
  [`/${INFERENCE_SERVICE}/RepositoryIndex`]: predict,
  [`/${INFERENCE_SERVICE}/RepositoryModelLoad`]: operateGuarded,
  [`/${INFERENCE_SERVICE}/RepositoryModelUnload`]: operateGuarded,
  '/grpc.health.v1.Health/Check': 'anybody',
  '/grpc.health.v1.Health/Watch': 'anybody',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': predict,
};

/** The rule of a method, by its path such as `/package.Service/Method`. */
export function ruleOf(path: string): AccessRule {
  const rule = methodAccess[path];
  assertInvariant(rule !== undefined, `method '${path}' has a rule of access`);
  return rule;
}

/** Lets no call through to a method that its caller has no role for: it is refused before its messages are looked at. */
export const guardCalls =
  (access: AccessControl, logger: Logger): ServerInterceptor =>
  ({ path }, call) => {
    const rule = ruleOf(path);
    if (access.isOpen(rule)) return new ServerInterceptingCall(call);
    return new ServerInterceptingCall(call, {
      start(next) {
        next({
          onReceiveMetadata(metadata, pass) {
            access.assertAllowed(rule, { transport: 'grpc', what: path.slice(1), ...sentIn(metadata) }).then(
              () => pass(metadata),
              (error: unknown) => call.sendStatus(toServiceError(error, path, logger)),
            );
          },
        });
      },
    });
  };

const sentIn = (metadata: Metadata) => ({ authorization: textOf(metadata, 'authorization'), apiKey: textOf(metadata, 'x-api-key') });

function textOf(metadata: Metadata, key: string): string | undefined {
  const [value] = metadata.get(key);
  return typeof value === 'string' ? value : undefined;
}
