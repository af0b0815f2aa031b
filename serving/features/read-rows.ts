import type { ServiceProgram } from '../../src/fold/compile-service.ts';
import type { ViewState } from '../../src/fold/view-state.ts';
import type { OnContractReads } from '../../src/store/contract-reads.ts';
import type { FeatureRows } from '../router/row-encoder.ts';
import { assembleRows, stateRequests } from './assemble-rows.ts';
import type { ParsedInstance } from './parse-instances.ts';
import type { ViewReader } from './view-reader.ts';

/** The instances of a request as one feature service reads them. */
export interface ServiceRows {
  readonly program: ServiceProgram;
  readonly instances: readonly ParsedInstance[];
  /** One per instance and view, in the service's order. */
  readonly states: readonly (ViewState | null)[];
  readonly rows: FeatureRows;
}

/** @throws MillraceError STORE_UNAVAILABLE, SERVING_OVERLOADED, FEATURE_STALE, FEATURE_ON_DEMAND_FAILED */
export async function readRows(
  reader: ViewReader,
  program: ServiceProgram,
  instances: readonly ParsedInstance[],
  asOf: number,
  onContractReads: OnContractReads,
): Promise<ServiceRows> {
  const states = await reader.read(stateRequests(program, instances));
  return { program, instances, states, rows: assembleRows(program, instances, states, asOf, onContractReads) };
}
