/** Messages of `millrace.v1.FeatureStore` as they are in JavaScript; proto/millrace/v1/feature_store.proto says what they mean. */
export const FEATURE_STORE_SERVICE = 'millrace.v1.FeatureStore';

/** Metadata key of a failed call: the code of the error table. */
export const ERROR_CODE_METADATA = 'millrace-error-code';

export interface WireNames {
  readonly names: readonly string[];
}

/** `kind` names the field that is set, in what was received. */
export interface WireValue {
  readonly kind?: 'number' | 'text' | 'boolean';
  readonly number?: number;
  readonly text?: string;
  readonly boolean?: boolean;
}

export interface WireEntity {
  readonly fields: Readonly<Record<string, WireValue>>;
}

export interface WireOnlineRequest {
  readonly selection?: 'service' | 'views' | 'features';
  readonly service?: string;
  readonly views?: WireNames;
  readonly features?: WireNames;
  readonly entities: readonly WireEntity[];
  readonly asOfMs?: number;
  readonly includeAges?: boolean;
  readonly includeFences?: boolean;
}

export interface WireRow {
  readonly numbers: readonly number[];
  readonly texts: readonly { readonly value?: string }[];
}

export interface WireFence {
  readonly hasState: boolean;
  readonly offsets: Readonly<Record<string, number>>;
}

export interface WireViewRead {
  readonly view: string;
  readonly version: number;
  readonly stale: readonly number[];
  readonly ageMs: readonly number[];
  readonly fences: readonly WireFence[];
}

export interface WireOnlineResponse {
  readonly asOfMs: number;
  readonly names: readonly string[];
  readonly rows: readonly WireRow[];
  readonly views: readonly WireViewRead[];
}
