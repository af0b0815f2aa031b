import { assembleRow, requestKeyOf } from '../../src/fold/compile-service.ts';
import { readFeatures, type ViewState } from '../../src/fold/view-state.ts';
import type { FeatureRows } from '../router/row-encoder.ts';
import type { ServedModel } from '../served-model.ts';
import type { ParsedInstance } from './parse-instances.ts';
import type { StateRequest } from './view-reader.ts';

/** The states that the instances need: for each instance one per view of the service, in the service's order. */
export function stateRequests(model: ServedModel, instances: readonly ParsedInstance[]): StateRequest[] {
  const { views } = model.program;
  return instances.flatMap(({ row }) =>
    views.map((program) => ({ program, entityKey: requestKeyOf(program, row) })),
  );
}

/**
 * Reads the windows off the states and assembles the rows.
 * @param states as `stateRequests` asked for them.
 */
export function assembleRows(
  model: ServedModel,
  instances: readonly ParsedInstance[],
  states: readonly (ViewState | null)[],
  asOf: number,
): FeatureRows {
  const { program } = model;
  const width = program.numericNames.length;
  const numbers = new Float32Array(instances.length * width);
  const categories: (string | null)[] = new Array<string | null>(instances.length * program.categoryNames.length).fill(null);
  const viewValues = program.views.map((view) => new Float64Array(view.featureNames.length));
  instances.forEach(({ row }, i) => {
    program.views.forEach((view, v) => {
      readFeatures(view, states[i * program.views.length + v] ?? null, asOf, viewValues[v] as Float64Array, 0);
    });
    const categoriesAt = i * program.categoryNames.length;
    assembleRow(program, viewValues, row, asOf, numbers, i * width, categories, categoriesAt);
  });
  return { numbers, categories };
}
