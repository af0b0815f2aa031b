/**
 * Messages of `inference.GRPCInferenceService` as they are in JavaScript, whole numbers of 64 bits as text;
 * proto/inference/grpc_service.proto says what they mean.
 */
export const INFERENCE_SERVICE = 'inference.GRPCInferenceService';

export interface WireParameter {
  readonly parameterChoice?: 'boolParam' | 'int64Param' | 'stringParam' | 'doubleParam' | 'uint64Param';
  readonly boolParam?: boolean;
  readonly int64Param?: string;
  readonly stringParam?: string;
  readonly doubleParam?: number;
  readonly uint64Param?: string;
}

export interface WireContents {
  readonly boolContents?: readonly boolean[];
  readonly intContents?: readonly number[];
  readonly int64Contents?: readonly string[];
  readonly uintContents?: readonly number[];
  readonly uint64Contents?: readonly string[];
  readonly fp32Contents?: readonly number[];
  readonly fp64Contents?: readonly number[];
  readonly bytesContents?: readonly Uint8Array[];
}

export interface WireModelName {
  readonly name: string;
  readonly version: string;
}

/** To load or unload a model. */
export interface WireRepositoryModel {
  readonly modelName: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

export interface WireTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly string[];
  /** Null, or absent, where its bytes are among the raw contents. */
  readonly contents?: WireContents | null;
}

export interface WireInferRequest {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly parameters: Readonly<Record<string, WireParameter>>;
  readonly inputs: readonly WireTensor[];
  readonly outputs: readonly { readonly name: string }[];
  readonly rawInputContents: readonly Uint8Array[];
}

export interface WireStreamAnswer {
  /** Empty where the request was answered. */
  readonly errorMessage: string;
  readonly inferResponse: Partial<WireInferResponse>;
}

export interface WireInferResponse {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string;
  readonly parameters: Readonly<Record<string, WireParameter>>;
  readonly outputs: readonly WireTensor[];
  readonly rawOutputContents: readonly Uint8Array[];
}
