import type { JsonValue } from '../core/json.ts';
import type { FeatureService } from '../define/feature-service.ts';
import type { Row, Schema } from '../define/field.ts';
import type { ViewProgram } from './view-program.ts';

/** A feature service, compiled: which views are read, and how their values become a model's row. */
export interface ServiceProgram {
  readonly service: FeatureService;
  /** Every view that is read, also those that only on-demand features need. */
  readonly views: readonly ViewProgram[];
  /** Values of each view in the row in hand; used within one call. */
  readonly viewValues: readonly Float64Array[];
  /** Numbers of a row, in order: `view.feature`, on-demand features, the request's numbers and booleans. */
  readonly numericNames: readonly string[];
  /** Categories of a row, in order: the request's texts. */
  readonly categoryNames: readonly string[];
  /** All fields that an instance carries: entity keys, on-demand inputs, request features. */
  readonly requestSchema: Schema;
  /** What makes two services the same rows: take a digest of its canonical text. The code of on-demand features is not in it. */
  readonly definition: JsonValue;
  /** View and feature index of each number that comes straight from a view. */
  readonly viewNumbers: readonly { readonly view: number; readonly feature: number }[];
  readonly onDemand: readonly OnDemandPlan[];
  readonly requestNumbers: readonly string[];
}

/** An on-demand feature with the one input object that it is computed from, row after row. */
export interface OnDemandPlan {
  readonly name: string;
  /** Points the input at a row: values per view of the program, the request, the decision time. */
  bind(viewValues: readonly Float64Array[], request: Row, asOf: number): void;
  /** The feature's value for the row that the input points at. */
  compute(): unknown;
}
