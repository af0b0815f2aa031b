import { modelHeader } from '../onnx-schema.ts';
import type { GraphHeader } from './opened-graph.ts';

interface DecodedHeader {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
}

/** What an ONNX file says of itself. @throws Error where the bytes are no such message */
export function readOnnxHeader(bytes: Uint8Array): GraphHeader {
  const { irVersion, producerName, producerVersion, opsetImport } = modelHeader.toObject(modelHeader.decode(bytes), {
    longs: Number,
    defaults: true,
  }) as DecodedHeader;
  if (irVersion === 0 || opsetImport.length === 0) throw new Error('it names no version of ONNX and no operator set');
  return {
    irVersion,
    producerName,
    producerVersion,
    opsets: Object.fromEntries(opsetImport.map(({ domain, version }) => [domain, version])),
  };
}
