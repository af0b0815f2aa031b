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
  const { views, viewValues } = program;
  const reads = views.map((view) => ({ view, stale: [] as number[] }));
  for (let i = 0; i < instances.length; i++) {
    const { row } = instances[i]!;
    for (let v = 0; v < views.length; v++) {
      const state = states[i * views.length + v] ?? null;
      if (readView(views[v]!, row, state, asOf, viewValues[v]!)) reads[v]!.stale.push(i);
    }
    assembleRow(program, viewValues, row, asOf, numbers, i * width, categories, i * program.categoryNames.length);
  }
  settleContracts(reads, { what: 'instances', count: instances.length }, onContractReads);
  return { numbers, categories };
}
