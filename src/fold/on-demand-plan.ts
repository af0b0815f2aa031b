import { assertInvariant } from '../core/assert-invariant.ts';
import type { Row } from '../define/field.ts';
import type { OnDemandFeature } from '../define/on-demand.ts';
import type { OnDemandPlan } from './service-program.ts';
import type { ViewProgram } from './view-program.ts';

/**
 * Builds the input of an on-demand feature once: an object per view whose properties read the row in
 * hand, so that a row costs only the properties that the function looks at.
 */
export function planOnDemand(feature: OnDemandFeature, views: readonly ViewProgram[]): OnDemandPlan {
  const readers: ViewReader[] = [];
  const input: Record<string, unknown> = { request: undefined, asOf: 0 };
  for (const [alias, view] of Object.entries(feature.views)) {
    const index = views.findIndex((program) => program.name === view.name);
    const program = views[index];
    assertInvariant(
      program !== undefined,
      `view '${view.name}' of on-demand feature '${feature.name}' is read`,
    );
    const reader = new ViewReader(index, program.featureNames);
    readers.push(reader);
    input[alias] = reader.features;
  }
  return {
    name: feature.name,
    bind(viewValues, request: Row, asOf) {
      for (const reader of readers) reader.values = viewValues[reader.index] as Float64Array;
      input['request'] = request;
      input['asOf'] = asOf;
    },
    compute: () => feature.compute(input),
  };
}

class ViewReader {
  readonly index: number;
  /** Feature name -> number or null, of the row that `values` belongs to. */
  readonly features: Readonly<Record<string, number | null>>;
  values: Float64Array = new Float64Array(0);

  constructor(index: number, featureNames: readonly string[]) {
    this.index = index;
    const features = {};
    featureNames.forEach((name, i) => {
      Object.defineProperty(features, name, {
        enumerable: true,
        get: (): number | null => {
          const value = this.values[i]!;
          return Number.isNaN(value) ? null : value;
        },
      });
    });
    this.features = features;
  }
}
