import type { ServiceProgram } from '../fold/compile-service.ts';
import { canonicalJson } from '../core/json.ts';
import { sha256Hex } from '../infra/artifacts.ts';

/** Names a feature service by what it computes: training writes it into a signature, serving compares it. */
export const serviceDigest = (program: Pick<ServiceProgram, 'definition'>): string =>
  sha256Hex(canonicalJson(program.definition));
