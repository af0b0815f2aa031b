import type { ServiceProgram } from '../../src/fold/compile-service.ts';
import type { DecisionKind } from '../../src/store/decision-frame.ts';

/** What a version's decisions as one variant have in common. */
export const decisionKindOf = (
  model: string,
  { version, digest, program }: { readonly version: number; readonly digest: string; readonly program: ServiceProgram },
  variant: DecisionKind['variant'],
): DecisionKind => ({
  ...{ model, version, digest, variant },
  fields: Object.keys(program.requestSchema),
  views: program.views.map(({ name, version: of }) => ({ view: name, version: of })),
  numberCount: program.numericNames.length,
  categoryCount: program.categoryNames.length,
});
