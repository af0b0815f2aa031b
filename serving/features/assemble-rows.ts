import { assembleRow, type ServiceProgram } from '../../src/fold/compile-service.ts';
import type { ViewState } from '../../src/fold/view-state.ts';
import { readView, settleContracts, type OnContractReads } from '../../src/store/contract-reads.ts';
import { statesAsked } from '../../src/store/online-rows.ts';
import type { FeatureRows } from '../router/row-encoder.ts';
import type { ParsedInstance } from './parse-instances.ts';
import type { StateRequest } from './view-reader.ts';

/** The states that the instances need: for each instance one per view of the service, in the service's order. */
export function stateRequests(program: ServiceProgram, instances: readonly ParsedInstance[]): StateRequest[] {
  return statesAsked(program.views, instances.map(({ row }) => row));
}

/**
 * Reads the windows off the states and assembles the rows.
 * @param states as `stateRequests` asked for them.
 * @throws MillraceError FEATURE_STALE, FEATURE_ON_DEMAND_FAILED
 */
export function assembleRows(
  program: ServiceProgram,
  instances: readonly ParsedInstance[],
  states: readonly (ViewState | null)[],
  asOf: number,
  onContractReads: OnContractReads,
): FeatureRows {
  const width = program.numericNames.length;
  const numbers = new Float32Array(instances.length * width);
  const categories: (string | null)[] = new Array<string | null>(instances.length * program.categoryNames.length).fill(null);
  const viewValues = program.views.map((view) => new Float64Array(view.featureNames.length));
  const reads = program.views.map((view) => ({ view, stale: [] as number[] }));
  instances.forEach(({ row }, i) => {
    program.views.forEach((view, v) => {
      const state = states[i * program.views.length + v] ?? null;
      if (readView(view, row, state, asOf, viewValues[v] as Float64Array)) reads[v]?.stale.push(i);
    });
    const categoriesAt = i * program.categoryNames.length;
    assembleRow(program, viewValues, row, asOf, numbers, i * width, categories, categoriesAt);
  });
  settleContracts(reads, { what: 'instances', count: instances.length }, onContractReads);
  return { numbers, categories };
}
