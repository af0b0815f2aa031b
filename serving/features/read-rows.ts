import type { ServiceProgram } from '../../src/fold/compile-service.ts';
import type { ViewState } from '../../src/fold/view-state.ts';
import { assertReadable } from '../../src/store/readable-moment.ts';
import type { FreshnessMetrics } from '../freshness-metrics.ts';
import type { FeatureRows } from '../router/row-encoder.ts';
import { assembleRows, stateRequests } from './assemble-rows.ts';
import type { ParsedInstance } from './parse-instances.ts';
import type { StateRequest, ViewReader } from './view-reader.ts';

/** The instances of a request as one feature service reads them. */
export interface ServiceRows {
  readonly program: ServiceProgram;
  readonly instances: readonly ParsedInstance[];
  /** What was asked for, one per instance and view, in the service's order; and the states that were there. */
  readonly asked: readonly StateRequest[];
  readonly states: readonly (ViewState | null)[];
  readonly rows: FeatureRows;
}

/** @throws MillraceError STORE_UNAVAILABLE, SERVING_OVERLOADED, FEATURE_AS_OF_TOO_EARLY, FEATURE_STALE, FEATURE_ON_DEMAND_FAILED */
export async function readRows(
  reader: ViewReader,
  program: ServiceProgram,
  instances: readonly ParsedInstance[],
  asOf: number,
  freshness: FreshnessMetrics,
): Promise<ServiceRows> {
  const asked = stateRequests(program, instances);
  const states = await reader.read(asked);
  assertReadable(asked, states, asOf);
  freshness.observeStates(asked, states, asOf);
  return { program, instances, asked, states, rows: assembleRows(program, instances, states, asOf, freshness.countReads) };
}
