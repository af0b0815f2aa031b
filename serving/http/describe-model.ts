import type { Experiment } from '../../src/contracts/experiment.ts';
import type { ServiceProgram } from '../../src/fold/compile-service.ts';
import { keyFieldsOf } from '../router/key-fields.ts';
import type { ModelRouter, RoutedVersion } from '../router/model-router.ts';
import { UNLOADED, type ServedModel } from '../served-model.ts';

/** What GET /v1/models answers for a model. */
export function summarizeModel({ name, router }: ServedModel) {
  const { champion, canary, shadow, arms } = router.routes;
  return {
    model: name,
    state: stateOf(router),
    champion: champion?.version ?? null,
    allocated: router.allocation?.champion ?? null,
    canary: canary === null ? null : { version: canary.target.version, share: canary.share },
    shadow: shadow?.version ?? null,
    experiment: arms === null ? null : summarizeExperiment(arms.experiment),
    ready: router.ready,
  };
}

const summarizeExperiment = ({ name, control, arms, ranges }: Experiment) => ({
  name,
  control,
  arms,
  /** Before it, the arms' versions are being loaded. */
  started: ranges.length > 0,
});

/** Whether a model answers, and why not: `unloaded` by an operator, `loading`, `rejected` at its checks, or `unpromoted`. */
function stateOf(router: ServedModel['router']): 'serving' | 'unloaded' | 'loading' | 'rejected' | 'unpromoted' {
  if (router.unloaded) return 'unloaded';
  if (router.routes.champion !== null) return 'serving';
  if (router.loading || !router.settled) return 'loading';
  return router.status.rejected.length > 0 ? 'rejected' : 'unpromoted';
}

/** What answers now says what a request needs; the project's file may be ahead of it. */
export const answeringProgram = ({ router, program }: ServedModel): ServiceProgram => router.routes.champion?.program ?? program;

/** What GET /v1/models/{model} answers. */
export function describeModel(model: ServedModel) {
  const { router } = model;
  const program = answeringProgram(model);
  const keyFields = keyFieldsOf(program);
  return {
    ...summarizeModel(model),
    allocation: router.allocation,
    followedRevision: router.status.revision,
    rejected: router.status.rejected,
    featureService: model.definition.service.name,
    request: program.requestSchema,
    exampleId: model.definition.examples.id,
    splitBy: keyFields.length === 0 ? [model.definition.examples.id] : keyFields,
    versions: router.loaded.map((target) => {
      const { session, instances, batchMs, handOverMs, goldenDifference } = target.warm;
      const { signature } = target;
      return {
        version: target.version,
        digest: target.digest,
        role: router.roleOf(target),
        placement: session.placement,
        provider: session.provider,
        instances,
        warmUp: { batchMs, handOverMs, goldenDifference },
        views: Object.fromEntries(target.program.views.map(({ name, version }) => [name, version])),
        threshold: signature.threshold,
        batchRowsMax: target.batchRowsMax,
        numericNames: signature.numericNames,
        categories: signature.categories.map(({ name, vocabulary }) => ({ name, values: vocabulary.length })),
      };
    }),
  };
}

/** Whatever its versions are. */
type AnyRouter = Pick<ModelRouter<RoutedVersion>, 'routes' | 'ready' | 'unloaded' | 'loading' | 'status'>;

/** One line per model for the readiness answer. */
export function readinessOf({ router }: { readonly router: AnyRouter }): { ready: boolean; state: string } {
  const { champion } = router.routes;
  if (!router.ready) return { ready: false, state: 'its versions are being loaded' };
  if (router.unloaded) return { ready: true, state: UNLOADED };
  if (champion === null && router.loading) return { ready: true, state: 'its versions are being loaded' };
  if (champion === null) {
    const rejected = router.status.rejected.map(({ version, reason }) => `version ${version} was rejected: ${reason}`);
    return { ready: true, state: rejected.length === 0 ? 'no version was promoted yet' : rejected.join('; ') };
  }
  return { ready: true, state: `version ${champion.version} serves` };
}
