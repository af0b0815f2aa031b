import { canonicalJson } from '../core/json.ts';
import type { ServiceProgram } from '../fold/compile-service.ts';
import { sha256Hex } from '../infra/artifacts.ts';

/** Digest of a feature service: two with the same one make the same rows. Training signs it, serving compares it. */
export const serviceDigest = (program: Pick<ServiceProgram, 'definition'>): string =>
  sha256Hex(canonicalJson(program.definition));
