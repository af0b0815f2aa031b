import type { ModelSignature } from '../../src/contracts/model-bundle.ts';
import type { ServiceProgram } from '../../src/fold/compile-service.ts';
import type { DecisionKind } from '../../src/store/decision-frame.ts';

/** What a version's decisions as one variant have in common. */
export const decisionKindOf = (
  version: { readonly version: number; readonly digest: string; readonly signature: Pick<ModelSignature, 'model'>; readonly program: ServiceProgram },
  variant: DecisionKind['variant'],
): DecisionKind => ({
  model: version.signature.model,
  version: version.version,
  digest: version.digest,
  variant,
  fields: Object.keys(version.program.requestSchema),
  views: version.program.views.map(({ name, version: of }) => ({ view: name, version: of })),
  numberCount: version.program.numericNames.length,
  categoryCount: version.program.categoryNames.length,
});
